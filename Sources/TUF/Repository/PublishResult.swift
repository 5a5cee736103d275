/// What became of a change.
package enum PublishResult: Sendable {
    /// Readers see it.
    case published
    /// It is kept among the drafts, and nobody sees it until so many of each role's keys signed.
    case waiting([MissingSignatures])

    /// A role that too few keys signed.
    package struct MissingSignatures: Sendable {
        package let role: String
        package let count: SignatureCount
    }

    /// Whether readers see it.
    package var isPublished: Bool { if case .published = self { true } else { false } }
}
