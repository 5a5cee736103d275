import CLinux
import Glibc

/// Pipes, sockets and terminals: what comes and goes in order, and may have to be waited for.
extension FileHandle {
    /// What one read brought.
    package enum Received: Sendable, Equatable {
        /// So many bytes.
        case bytes(Int)
        /// There are none yet, and the descriptor does not wait.
        case nothingYet
        /// The other end is closed.
        case end
    }

    /// Reads once, at most the buffer. Waits for the first byte unless the descriptor does not.
    /// - Throws: ``SystemCallError`` of `read`.
    package func receive(into buffer: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Received {
        try FileHandle.receive(from: descriptor, into: buffer)
    }

    /// As ``receive(into:)``, from a descriptor that somebody else opened.
    /// - Throws: ``SystemCallError`` of `read`.
    package static func receive(
        from descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SystemCallError) -> Received {
        do throws(SystemCallError) {
            let count = try FileCalls.read(descriptor, buffer)
            return count == 0 ? .end : .bytes(count)
        } catch  where error.code == EAGAIN {
            return .nothingYet
        }
    }

    /// Sends bytes over a socket; no signal comes when the other end is gone.
    /// - Returns: how many it took; 0 when it has no room now and does not wait.
    /// - Throws: ``SystemCallError`` of `send`; EPIPE.
    package func send(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int {
        do throws(SystemCallError) {
            return try systemCall("send") {
                Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            }
        } catch  where error.code == EAGAIN {
            return 0
        }
    }

    /// Writes what a pipe or socket that does not wait has room for.
    /// - Returns: how many bytes it took; 0 when it has no room now.
    /// - Throws: ``SystemCallError`` of `write`; EPIPE, where SIGPIPE is not taken.
    package func writeNow(_ bytes: UnsafeRawBufferPointer) throws(SystemCallError) -> Int {
        do throws(SystemCallError) {
            return try FileCalls.write(descriptor, bytes)
        } catch  where error.code == EAGAIN {
            return 0
        }
    }

    /// From now on neither reading nor writing waits.
    /// - Throws: ``SystemCallError`` of `fcntl`.
    package func makeNonblocking() throws(SystemCallError) {
        let flags = try systemCall("fcntl") { fcntl(descriptor, F_GETFL) }
        try systemCall("fcntl") { fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) }
    }

    /// A program that is started from now on does not inherit the descriptor: for one that this process inherited itself.
    package func closeOnExec() {
        // It fails for no descriptor that is open.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    }

    /// Ends what this side of a socket sends; it still receives.
    package func endSending() {
        // It fails where the connection has ended as a whole.
        _ = shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Another descriptor of the same open file, for somebody who closes theirs.
    /// - Throws: ``SystemCallError`` of `fcntl`.
    package func duplicate() throws(SystemCallError) -> FileHandle {
        FileHandle(owning: try systemCall("fcntl") { fcntl(descriptor, osc_F_DUPFD_CLOEXEC, 3) })
    }

    /// Bounds how long one read or write on a socket may wait.
    package func setSocketTimeout(seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    /// A connection that waits on a listening socket, close-on-exec and non-blocking; nil when there is none.
    package func acceptNonblocking() -> FileHandle? {
        let connection = osc_accept4(descriptor, Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue))
        return connection >= 0 ? FileHandle(owning: connection) : nil
    }
}

/// A pipe, both ends close-on-exec.
package struct Pipe: Sendable {
    package let reading: FileHandle
    package let writing: FileHandle

    /// - Throws: ``SystemCallError`` of `pipe2`.
    package init() throws(SystemCallError) {
        var ends: [Int32] = [-1, -1]
        try systemCall("pipe2") { osc_pipe2(&ends, O_CLOEXEC) }
        reading = FileHandle(owning: ends[0])
        writing = FileHandle(owning: ends[1])
    }

    /// The reading end of a pipe that holds these bytes, and then ends: for a program that reads them from a descriptor.
    /// - Parameter bytes: 65,536 at most, which is what a pipe holds while nobody reads.
    /// - Throws: ``SystemCallError``; EFBIG for more bytes.
    package static func holding(_ bytes: some Collection<UInt8>) throws(SystemCallError) -> FileHandle {
        guard bytes.count <= 65_536 else { throw SystemCallError(.fileTooLarge, call: "write") }
        let pipe = try Pipe()
        try Array(bytes).withUnsafeBufferPointer { bytes throws(SystemCallError) in
            try pipe.writing.write(UnsafeRawBufferPointer(bytes))
        }
        return pipe.reading
    }
}
