import Linux

/// The connection that libslirp's frames go to; none while there is no QEMU.
///
/// libslirp believes whatever hardware address it heard last for the guest's, asks no more, and repeats the first segment of a connection
/// after six seconds only. A login of the host's must depend on neither: the guest is asked where it is with each first segment, which is
/// sent again, to where the guest says, until it answers.
final class FramePeer {
    var stream: FrameStream? {
        // Who comes now has heard of none of them.
        didSet {
            for index in openings.indices { openings[index].due = 0 }
            (hardware, waiting) = (nil, [])
        }
    }
    /// The guest's, as it was heard last.
    var hardware: [UInt8]?
    /// Datagrams for the guest, which has not said where it is.
    var waiting: [[UInt8]] = []
    private var openings: [Opening] = []

    private struct Opening {
        var frame: [UInt8]
        /// Of the host's side.
        let port: UInt16
        /// Of a published port: these take nothing of what ssh's have.
        let isPublished: Bool
        var due: UInt64
        var tries = 4
    }

    private static let interval: UInt64 = 1_000_000_000
    /// More than these at once are left to libslirp.
    private static let limit = 8

    var hasOpenings: Bool { !openings.isEmpty }

    /// Sends a frame of libslirp's to the guest.
    func deliver(_ frame: UnsafeRawBufferPointer) {
        if Self.opensConnection(frame) {
            let port = frame.uint16(34)
            let isPublished = frame.uint16(36) != VirtualNetwork.sshPort
            let others = openings.count { $0.isPublished == isPublished }
            if others < Self.limit, !openings.contains(where: { $0.port == port }) {
                openings.append(
                    Opening(
                        frame: Array(frame), port: port, isPublished: isPublished,
                        due: MonotonicClock.nanoseconds + Self.interval))
            }
            Self.question(like: frame).withUnsafeBytes { stream?.write($0) }
        }
        stream?.write(frame)
    }

    /// Sends those again that the guest has not answered.
    func repeatOpenings(at now: UInt64) {
        for index in openings.indices where openings[index].due <= now {
            openings[index].due = now + Self.interval
            openings[index].tries -= 1
            openings[index].frame.withUnsafeBytes { frame in
                Self.question(like: frame).withUnsafeBytes { stream?.write($0) }
                stream?.write(frame)
            }
        }
        openings.removeAll { $0.tries == 0 }
    }

    /// Looks at a frame of the guest's that the filter has let through.
    func hear(_ frame: UnsafeRawBufferPointer) {
        // Whoever has another address yet, or none, is not where datagrams go to.
        let sender = frame.uint16(12) == 0x0806 ? 28 : 26
        if frame.address(sender) == VirtualNetwork.guest { learn(frame) }
        guard !openings.isEmpty else { return }
        if frame.uint16(12) == 0x0806 {
            // Its own address is there, says the filter.
            let hardware = frame[6..<12]
            for index in openings.indices where !openings[index].frame[..<6].elementsEqual(hardware) {
                openings[index].frame.replaceSubrange(..<6, with: hardware)
                openings[index].frame.withUnsafeBytes { stream?.write($0) }
            }
        } else if frame[23] == 6, frame[47] & 0x06 != 0 {
            // A connection that is accepted or refused.
            openings.removeAll { $0.port == frame.uint16(36) }
        }
    }

    /// The first segment of a TCP connection.
    private static func opensConnection(_ frame: UnsafeRawBufferPointer) -> Bool {
        guard frame.count >= 54, frame.uint16(12) == 0x0800, frame[14] == 0x45, frame[23] == 6 else { return false }
        return frame[47] & 0x12 == 0x02
    }

    /// ARP: who has the address that this frame goes to? Asked by its sender.
    private static func question(like frame: UnsafeRawBufferPointer) -> [UInt8] {
        let hardware = Array(frame[6..<12])
        let fixed: [UInt8] = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]
        return [UInt8](repeating: 0xFF, count: 6) + hardware + fixed + hardware + frame[26..<30]
            + [UInt8](repeating: 0, count: 6) + frame[30..<34]
    }
}
