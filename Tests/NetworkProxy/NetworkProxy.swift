import Linux
import Synchronization

/// A line of a chosen delay and rate between clients on this machine and one of its servers, with faults by command.
///
/// It forwards TCP, whatever speaks over it. One thread does all of it, so that hundreds of connections cost little. What
/// it does not imitate: lost packets, and the slow start of a fresh TCP connection.
package final class NetworkProxy: Sendable {
    private let loop: ProxyLoop

    /// Listens on the loopback interface from now on.
    /// - Parameters:
    ///   - server: the port of the server, on the loopback interface.
    ///   - listen: the port to listen on; 0 for any.
    /// - Throws: ``SystemCallError``.
    package init(server: Int, listen: Int = 0, shape: NetworkShape = NetworkShape()) throws {
        loop = try ProxyLoop(server: server, listen: listen, shape: shape)
        let loop = loop
        try WorkerThread.start(name: "network-proxy") { loop.run() }
    }

    deinit { loop.send(.close) }

    /// Where it listens.
    package var port: Int { loop.port }

    /// `http://127.0.0.1:PORT/`, for a server that speaks so.
    package var url: String { "http://127.0.0.1:\(port)/" }

    /// Changes how the network behaves, for open connections too, from a moment after this returns.
    package func change(_ body: @escaping @Sendable (inout NetworkShape) -> Void) { loop.send(.change(body)) }

    /// Resets all connections that are open.
    package func dropConnections() { loop.send(.drop) }

    /// A snapshot.
    package var statistics: ProxyStatistics { loop.statistics.withLock { $0 } }

    /// Ends all connections and stops listening.
    package func close() { loop.send(.close) }
}
