/// What went through a ``NetworkProxy`` so far.
package struct ProxyStatistics: Sendable, Equatable, Encodable {
    /// Connections taken, and those that are open now.
    package var connections = 0
    package var open = 0
    /// The most that were open at one moment.
    package var mostOpen = 0
    /// Bytes that arrived at the server, and at clients.
    package var bytesUp = 0
    package var bytesDown = 0
}
