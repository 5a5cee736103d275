import Linux

/// Why a guest does not go on, or what is stored of a suspended one cannot be used. Nothing of it is removed then.
package enum SuspendError: Error, Sendable {
    /// No suspended guest has this id.
    case noSuch(String, near: [String])
    /// Its session runs: it was resumed already, or is still being saved.
    case running(String)
    /// Its memory does not go on here.
    case misfit(SuspendMisfit)
    /// What is stored was cut off, changed or made by something else.
    case damaged(String, path: String, reason: String)
    /// A later release wrote it.
    case newer(String, format: Int)
    case file(SystemCallError)

    static func wrap<Value>(_ body: () throws(SystemCallError) -> Value) throws(SuspendError) -> Value {
        do throws(SystemCallError) { return try body() } catch { throw .file(error) }
    }
}

/// A suspended guest whose memory cannot be used here, while its disk can.
package struct SuspendMisfit: Codable, Sendable, Hashable {
    /// The id of its session.
    package let session: String
    /// A phrase.
    package let reason: String
    /// Its kept machine; nil for a guest that is thrown away when it ends.
    package let machine: String?

    package init(session: String, reason: String, machine: String?) {
        (self.session, self.reason, self.machine) = (session, reason, machine)
    }

    /// What is known: a sentence without its full stop.
    package var fact: String {
        "\(machine.map { "the machine \($0)" } ?? "session \(session)") cannot go on from its memory: \(reason)"
    }

    /// The question to the user.
    package var question: String {
        "\(fact). Start its disk cold, as after a power cut? What was only in its memory is lost then."
    }
}
