import GuestDomain

/// What a guest's screen showed when its session was asked last.
package struct SeenScreen: Sendable, Equatable {
    package let session: String
    package let picture: ScreenPicture
    /// Seconds since the picture was taken; 0 for one that may be called the present.
    package let age: Int

    /// One that was taken longer ago than this says so.
    private static let present = 10

    package init(session: String, picture: ScreenPicture, age: Int) {
        (self.session, self.picture) = (session, picture)
        self.age = age < SeenScreen.present ? 0 : age
    }
}
