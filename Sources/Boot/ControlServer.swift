import Glibc
import Linux
import Synchronization

/// Answers commands on a session's control socket, on threads of its own.
final class ControlServer: Sendable {
    private let listener: FileHandle
    private let path: String

    /// - Parameter answer: called on a thread of its own for every request; may block.
    /// - Throws: ``SystemCallError`` when the socket cannot be made.
    init(path: String, answer: @escaping @Sendable (ControlRequest) -> ControlResponse) throws(SystemCallError) {
        listener = try UnixSocket.listen(at: path)
        self.path = path
        let listener = listener
        WorkerThread.start(name: "control") {
            while true {
                let connection: FileHandle
                do throws(SystemCallError) {
                    connection = try UnixSocket.accept(listener)
                } catch  where [ECONNABORTED, EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(error.code) {
                    // What is short now may be there later; a session that nobody can reach any more is worse.
                    usleep(100_000)
                    continue
                } catch {
                    return
                }
                UnixSocket.setTimeout(connection, seconds: 10)
                WorkerThread.start(name: "control peer") {
                    guard let request = try? LineSocket.receive(ControlRequest.self, from: connection) else { return }
                    try? LineSocket.send(answer(request), to: connection)
                }
            }
        }
    }

    /// Stops listening and removes the socket.
    func close() {
        shutdown(listener.descriptor, Int32(SHUT_RDWR))
        unlink(path)
    }
}
