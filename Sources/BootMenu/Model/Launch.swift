/// A boot that was asked for in this menu.
package struct Launch: Sendable, Hashable {
    package let number: Int
    package let image: ImageName
    /// What its session said last.
    package var guest: GuestItem?
    /// Why there is no guest; nil while there may be one.
    package var failure: String?

    package init(number: Int, image: ImageName, guest: GuestItem? = nil, failure: String? = nil) {
        self.number = number
        self.image = image
        self.guest = guest
        self.failure = failure
    }
}
