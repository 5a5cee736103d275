import Glibc
import Synchronization

/// A program's results. What cannot be written is remembered, so that the program's end can say so: work that was begun is
/// not stopped because nobody reads of it.
///
/// The only way to standard output: `print` goes through the C library's buffer and loses errors.
package final class StandardOutput: Sendable {
    /// This process's.
    package static let program = StandardOutput(descriptor: STDOUT_FILENO)

    private let descriptor: Int32
    private let state = Mutex(State())

    private struct State {
        var hasWritten = false
        var failure: SystemCallError?
        /// The same terminal or pipe, opened anew: it does not wait, and nobody else is affected.
        var unwaiting: FileHandle?
    }

    /// What came of a write that may be given up.
    package enum Written: Sendable { case all, failed, interrupted }

    /// - Parameter descriptor: stays the caller's.
    package init(descriptor: Int32) { self.descriptor = descriptor }

    /// Whether a person sees it at once.
    package var isTerminal: Bool { TerminalDevice.isTerminal(descriptor) }

    /// Whether that terminal says that it reads UTF-8.
    package var isUTF8Terminal: Bool { TerminalDevice.isUTF8(descriptor) }

    /// Writes a line. Waits for the reader; after a failure nothing more is written.
    package func print(_ line: String) { write(line + "\n") }

    /// Writes text as it is.
    package func write(_ text: String) { Array(text.utf8).withUnsafeBytes { _ = write($0) } }

    /// Writes bytes.
    /// - Returns: false after a failure, which ``finish()`` tells.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        state.withLock { state in
            guard state.failure == nil else { return false }
            state.hasWritten = true
            do throws(SystemCallError) {
                try DescriptorWriting.writeAll(bytes, to: descriptor)
                return true
            } catch {
                state.failure = error
                return false
            }
        }
    }

    /// Writes bytes, but gives up when it would have to wait and `interruption` is signalled: a terminal takes nothing after Ctrl-S, or when
    /// the program that shows it stands still.
    package func write(_ bytes: UnsafeRawBufferPointer, until interruption: EventDescriptor) -> Written {
        state.withLock { state in
            guard state.failure == nil else { return .failed }
            state.hasWritten = true
            if state.unwaiting == nil { state.unwaiting = DescriptorWriting.unwaiting(descriptor) }
            do throws(SystemCallError) {
                guard let target = state.unwaiting else {
                    try DescriptorWriting.writeAll(bytes, to: descriptor)
                    return .all
                }
                let isDone = try DescriptorWriting.writeAll(bytes, to: target.descriptor, until: interruption)
                return isDone ? .all : .interrupted
            } catch {
                state.failure = error
                return .failed
            }
        }
    }

    /// Call it when all is written: some file systems tell only at a close that there was no room.
    /// - Returns: the first error; nil when everything arrived.
    package func finish() -> SystemCallError? {
        state.withLock { state in
            guard state.hasWritten, state.failure == nil else { return state.failure }
            // The number itself stays taken, or the next file that is opened would get it.
            let copy = dup(descriptor)
            if copy >= 0, Glibc.close(copy) != 0, errno != EINTR { state.failure = .last("close") }
            return state.failure
        }
    }
}

/// Messages for the person in front of the program.
package enum StandardError {
    /// Writes text as it is. Where it cannot be written, nobody is left to be told.
    package static func write(_ text: String) {
        // The reason is the line above.
        try? Array(text.utf8).withBytes { (buffer) throws(SystemCallError) in
            try DescriptorWriting.writeAll(buffer, to: STDERR_FILENO)
        }
    }
}

/// Writing to a descriptor that somebody else opened.
package enum DescriptorWriting {
    /// Writes the whole buffer, and waits for room where the descriptor does not block: a terminal or pipe that another
    /// program made so.
    /// - Throws: ``SystemCallError`` of `write`.
    package static func writeAll(_ buffer: UnsafeRawBufferPointer, to descriptor: Int32) throws(SystemCallError) {
        _ = try writeAll(buffer, to: descriptor, until: nil)
    }

    /// What does not wait, and leads where `descriptor` does; nil for what has a place in a file, or cannot be opened again.
    fileprivate static func unwaiting(_ descriptor: Int32) -> FileHandle? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, [S_IFCHR, S_IFIFO].contains(status.st_mode & S_IFMT) else { return nil }
        let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        return own < 0 ? nil : FileHandle(owning: own)
    }

    /// - Returns: false when it was interrupted.
    fileprivate static func writeAll(
        _ buffer: UnsafeRawBufferPointer, to descriptor: Int32, until interruption: EventDescriptor?
    ) throws(SystemCallError) -> Bool {
        var done = 0
        while done < buffer.count {
            let count = Glibc.write(descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
            if count > 0 {
                done += count
            } else if count < 0 && errno == EAGAIN {
                var sources = [PollSource(descriptor, .writable), PollSource(interruption?.descriptor)]
                // Out of memory for the moment: the next write says how it is.
                _ = try? PollSource.wait(for: &sources)
                if sources[1].hasNews { return false }
            } else if count == 0 {
                throw SystemCallError(code: EIO, call: "write")
            } else if errno != EINTR {
                throw SystemCallError.last("write")
            }
        }
        return true
    }
}
