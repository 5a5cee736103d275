/// What is known about a vendor's system beside its builds.
package struct VendorFacts: Sendable, Hashable {
    /// How long the vendor keeps a build, for people: `the last three`; empty where nobody says.
    package var kept: String
    /// Who signed what is said of a build: the key's fingerprint, by the version's id; none for those that were never verified.
    package var signers: [String: String]

    package init(kept: String = "", signers: [String: String] = [:]) {
        self.kept = kept
        self.signers = signers
    }
}

/// The systems of one vendor, as the list shows them together: below a heading that can be folded.
package struct VendorGroup: Sendable, Hashable {
    package let name: String
    /// Places in the offer's systems, in the order they are shown.
    package internal(set) var members: [Int]
    /// Whether the user has hidden it.
    package let isHidden: Bool

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

    package init(reason: String, isWrongImage: Bool = false) {
        self.reason = reason
        self.isWrongImage = isWrongImage
    }
}
