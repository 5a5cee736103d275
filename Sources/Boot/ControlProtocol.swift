/// What is said on a session's control socket: one line of JSON each way, then the connection closes.
package enum ControlCommand: String, Codable, Sendable {
    case status
    /// ACPI shutdown, then force after the configured time.
    case stop
    /// Power off at once.
    case force
    case pause
    case resume
    /// A picture of the image.
    case blockMap = "block-map"
}

package struct ControlRequest: Codable, Sendable {
    package let command: ControlCommand
    /// For ``ControlCommand/blockMap``: cells wanted, at most ``mostCells``.
    package let cells: Int?

    /// More than any screen has.
    package static let mostCells = 65_536

    package init(command: ControlCommand, cells: Int? = nil) {
        self.command = command
        self.cells = cells
    }
}

package struct ControlResponse: Codable, Sendable {
    package var status: SessionStatus?
    /// Why the command was refused; nil when it was carried out.
    package var refusal: String?
    /// The answer to ``ControlCommand/blockMap``; nil before the image is mounted.
    package var map: BlockMap?

    package init(status: SessionStatus? = nil, refusal: String? = nil, map: BlockMap? = nil) {
        self.status = status
        self.refusal = refusal
        self.map = map
    }
}
