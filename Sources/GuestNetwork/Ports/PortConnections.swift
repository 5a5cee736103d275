import Linux
import Slirp

/// Connections at published TCP ports, in the network's process. One thread.
///
/// They have bounds of their own: whoever floods a published port takes nothing of the guest's own flows, its logins, or the session's ssh.
final class PortConnections {
    /// Open at once, all ports together; more wait in the kernel's queue.
    static let limit = 256
    /// Taken from one port before the others have their turn.
    private static let turn = 16

    /// A published port.
    private struct Door {
        let listener: FileHandle
        let slot: Int
    }

    private struct Connection {
        let door: Int
        /// libslirp's, while the file behind it is still this one.
        let descriptor: Int32
        let file: FileIdentity
    }

    private let stack: SlirpStack
    private let slots: PortSlots
    /// libslirp's listening sockets by slot; empty where there are none.
    private let entrances: [Int32]
    /// Where their common socket is.
    private let path: String
    private var doors: [Int: Door] = [:]
    private var connections: [Connection] = []
    private var pace = Pace(rate: 128, burst: UInt64(limit))
    private var nextCount: UInt64 = 0

    init(stack: SlirpStack, slots: PortSlots, entrances: [Int32], path: String) {
        (self.stack, self.slots, self.entrances, self.path) = (stack, slots, entrances, path)
    }

    /// Connections that are open, as far as they were counted last, and the entrances.
    var socketCount: Int { connections.count + entrances.count }

    /// - Parameter number: what the session calls the port.
    func open(_ number: Int, _ listener: FileHandle, to guestPort: UInt16) {
        guard doors[number] == nil, !entrances.isEmpty, let slot = slots.take(guestPort) else { return }
        doors[number] = Door(listener: listener, slot: slot)
    }

    /// Takes no more connections at the port, and ends those that came by it.
    func close(_ number: Int) {
        guard let door = doors.removeValue(forKey: number) else { return }
        recount()
        for connection in connections where connection.door == number { FileHandle.shutDown(connection.descriptor) }
        slots.giveUp(door.slot)
    }

    /// What is to be waited for: nothing while there is no room.
    func sources(at now: UInt64) -> [(number: Int, source: PollSource)] {
        guard hasRoom(at: now) else { return [] }
        return doors.sorted { $0.key < $1.key }.map { ($0.key, PollSource($0.value.listener.descriptor)) }
    }

    /// Whether somebody may wait who is not heard of by poll.
    func isHeld(at now: UInt64) -> Bool { !doors.isEmpty && !hasRoom(at: now) }

    private func hasRoom(at now: UInt64) -> Bool {
        if now >= nextCount || connections.count >= Self.limit && now + 100_000_000 >= nextCount {
            nextCount = now + 200_000_000
            recount()
        }
        return connections.count < Self.limit && pace.allows(now)
    }

    /// Forgets those that libslirp has closed: their descriptor is another file's by now, or nobody's.
    private func recount() {
        connections.removeAll { connection in
            // Closed.
            (try? FileHandle.identity(of: connection.descriptor)) != connection.file
        }
    }

    /// Takes what waits at a port.
    func serve(_ number: Int, at now: UInt64) {
        guard let door = doors[number] else { return }
        for _ in 0..<Self.turn {
            guard connections.count < Self.limit, pace.allows(now), let connection = door.listener.acceptNonblocking()
            else { return }
            pace.take(now)
            connection.prepareForRelay()
            do throws(SystemCallError) {
                let file = try connection.status().identity
                let descriptor = try stack.adopt(connection, through: entrances[door.slot], at: path)
                connections.append(Connection(door: number, descriptor: descriptor, file: file))
            } catch {
                // Out of memory or descriptors for the moment: whoever connected sees the connection end, and tries again.
                return
            }
        }
    }
}
