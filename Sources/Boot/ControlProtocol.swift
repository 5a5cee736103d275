/// What is said on a session's control socket: one line of JSON each way, then the connection closes.
package enum ControlCommand: String, Codable, Sendable {
    case status
    /// ACPI shutdown, then force after the configured time.
    case stop
    /// Power off at once.
    case force
    case pause
    case resume
}

package struct ControlRequest: Codable, Sendable {
    package let command: ControlCommand

    package init(command: ControlCommand) { self.command = command }
}

package struct ControlResponse: Codable, Sendable {
    package var status: SessionStatus?
    /// Why the command was refused; nil when it was carried out.
    package var refusal: String?

    package init(status: SessionStatus? = nil, refusal: String? = nil) {
        self.status = status
        self.refusal = refusal
    }
}
