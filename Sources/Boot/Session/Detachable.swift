/// What a guest has of its host and what cannot be saved with its memory, such as a folder: it is taken away before the guest is
/// suspended, and given back when it goes on.
struct Detachable: Sendable {
    /// For messages: `the folder /home/ann/src`.
    let name: String
    /// Takes it away from the guest that runs.
    /// - Throws: why that cannot be now, such as a program in the guest that uses it; the guest is not suspended then.
    let detach: @Sendable () async throws -> Void
    /// Gives it back to the guest that runs again.
    /// - Throws: why the guest is without it.
    let attach: @Sendable () async throws -> Void
}
