import Boot

/// A boot that was asked for in this menu.
package struct Launch: Sendable {
    package let number: Int
    package let image: VersionKey
    /// What its session said last.
    package var guest: SessionStatus?
    /// Why there is no guest; nil while there may be one.
    package var failure: String?

    package init(number: Int, image: VersionKey, guest: SessionStatus? = nil, failure: String? = nil) {
        self.number = number
        self.image = image
        self.guest = guest
        self.failure = failure
    }
}
