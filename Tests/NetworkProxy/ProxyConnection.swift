import Glibc
import Linux

/// A client's connection and the one to the server that belongs to it.
final class ProxyConnection {
    let number: UInt64
    let client: FileHandle
    let server: FileHandle
    let up: ProxyStream
    let down: ProxyStream
    /// When its first byte may leave: a connection takes a round trip itself.
    let opensAt: UInt64
    var isOpen = false

    init(number: UInt64, client: FileHandle, server: FileHandle, opensAt: UInt64) {
        self.number = number
        self.client = client
        self.server = server
        self.opensAt = opensAt
        up = ProxyStream(number: number, from: client, to: server)
        down = ProxyStream(number: number, from: server, to: client)
    }

    /// Both directions are at their end, or one side is gone.
    var isOver: Bool { up.isDone && down.isDone || up.isBroken || down.isBroken }

    /// Breaks both sides at once, as a machine does that was switched off and on. Parcels on the line may hold the streams for
    /// a while longer.
    func reset() {
        for handle in [client, server] {
            var now = linger(l_onoff: 1, l_linger: 0)
            setsockopt(handle.descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
            var unspecified = sockaddr()
            unspecified.sa_family = sa_family_t(AF_UNSPEC)
            connect(handle.descriptor, &unspecified, socklen_t(MemoryLayout<sockaddr>.size))
        }
    }
}
