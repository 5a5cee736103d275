import Linux

/// The commands on a session's control socket: one line of JSON each way, then the connection closes.
package enum ControlCommand: String, Codable, Sendable {
    case status
    /// ACPI shutdown, then force after the configured time.
    case stop
    /// Power off at once.
    case force
    case pause
    case resume
    /// Memory and disk are saved, and the session ends; ``SessionStatus/suspension`` says how far that is.
    case suspend
    /// A picture of the image.
    case blockMap = "block-map"
    /// A picture of the guest's screen.
    case screenshot
    /// Publishes ``ControlRequest/ports``, all of them or none.
    case publish
    /// Takes them back.
    case withdraw
}

package struct ControlRequest: Codable, Sendable {
    package let command: ControlCommand
    /// For ``ControlCommand/blockMap``: cells wanted, at most ``mostCells``.
    package let cells: Int?
    /// For ``ControlCommand/screenshot``: how large it may be.
    package let size: PictureSize?
    /// For ``ControlCommand/publish`` and ``ControlCommand/withdraw``: as ``PublishedPort`` writes them.
    package var ports: [String]?
    /// For ``ControlCommand/publish``: also of a file that nobody has verified yet; nil means no.
    package var allowsUnverified: Bool?
    /// For ``ControlCommand/publish``: also where the guest's network is `none`; nil means no.
    package var allowsIsolated: Bool?

    /// More than any screen has.
    package static let mostCells = 65_536

    package init(command: ControlCommand, cells: Int? = nil, size: PictureSize? = nil) {
        self.command = command
        self.cells = cells
        self.size = size
    }
}

package struct ControlResponse: Codable, Sendable {
    package var status: SessionStatus?
    /// Why the command was refused; nil when it was carried out.
    package var refusal: String?
    /// The answer to ``ControlCommand/blockMap``; nil before the image is mounted.
    package var map: BlockMap?
    /// The answer to ``ControlCommand/screenshot``; nil where there is no screen, and no picture of it yet.
    package var screen: PictureAnswer?
    /// Why ports were not published, where the user may decide otherwise: nothing else is wrong with them.
    package var unverified: UnverifiedBoot?

    package init(status: SessionStatus? = nil, refusal: String? = nil, map: BlockMap? = nil) {
        self.status = status
        self.refusal = refusal
        self.map = map
    }
}

/// Answers commands on a session's control socket, on threads of its own.
final class ControlServer: Sendable {
    private let stop: EventDescriptor
    private let ended: EventDescriptor

    /// - Parameter answer: called on a thread of its own for every request; it may wait.
    /// - Throws: ``SystemCallError`` when the socket cannot be made.
    init(path: String, answer: @escaping @Sendable (ControlRequest) -> ControlResponse) throws(SystemCallError) {
        let listener = try UnixListener(path: path)
        let (stop, ended) = (try EventDescriptor(), try EventDescriptor())
        self.stop = stop
        self.ended = ended
        try WorkerThread.start(name: "control") {
            ControlServer.serve(listener, until: stop, answer)
            // Before ``close()`` returns: its caller finds no socket.
            listener.removeName()
            ended.signal()
        }
    }

    private static func serve(
        _ listener: UnixListener, until stop: EventDescriptor,
        _ answer: @escaping @Sendable (ControlRequest) -> ControlResponse
    ) {
        while true {
            var waiting = [PollSource(stop.descriptor), PollSource(listener.descriptor)]
            do { try PollSource.wait(for: &waiting) } catch { MonotonicClock.pause(milliseconds: 50) }
            if waiting[0].hasNews { return }
            guard waiting[1].hasNews, let connection = listener.accept(nonblocking: false) else { continue }
            connection.setSocketTimeout(seconds: 10)
            // Without a thread the peer sees its connection end, and may ask again.
            try? WorkerThread.start(name: "control peer") {
                // A peer that sends nonsense gets no answer.
                guard let request = try? LineSocket.receive(ControlRequest.self, from: connection) else { return }
                // One that has gone needs none.
                try? LineSocket.send(answer(request), to: connection)
            }
        }
    }

    /// Stops listening and removes the socket. Takes milliseconds.
    func close() {
        stop.signal()
        ended.wait()
    }
}
