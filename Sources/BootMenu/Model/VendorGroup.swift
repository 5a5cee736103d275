import GuestDomain

/// Why a vendor's builds are not known as they are now.
package struct VendorFailure: Sendable, Hashable {
    package var reason: String
    /// Whether the vendor may answer a little later: nothing that its row has to say loudly.
    package var isPassing: Bool

    package init(_ reason: String, isPassing: Bool = false) {
        self.reason = reason
        self.isPassing = isPassing
    }
}

/// The systems of one vendor, or of all vendors for another processor than this machine's, as the list shows them together: below a
/// heading that can be folded.
package struct VendorGroup: Sendable, Hashable {
    package let name: String
    /// Places in the offer's systems, in the order they are shown.
    package internal(set) var members: [Int]
    /// Whether the user has hidden it.
    package let isHidden: Bool

    /// How its systems run here.
    let emulation: Emulation

    /// A heading for a single row would only be in its way.
    var hasHeading: Bool { members.count > 1 || isHidden }
}

/// How a user logs in to a guest that was prepared for its first start.
package struct GuestLogin: Sendable, Hashable {
    package var user: String
    /// For the guest's console; nil where it has none.
    package var password: String?

    package init(user: String, password: String? = nil) {
        self.user = user
        self.password = password
    }
}

/// Why a guest ended other than by itself.
package struct GuestEnd: Sendable, Hashable {
    package var reason: String
    /// Whether its image was found to be another than the one that its vendor signed.
    package var isWrongImage: Bool
    /// Whether another version boots in its place, since it did not come up.
    package var isRolledBack: Bool

    package init(reason: String, isWrongImage: Bool = false, isRolledBack: Bool = false) {
        self.reason = reason
        self.isWrongImage = isWrongImage
        self.isRolledBack = isRolledBack
    }
}
