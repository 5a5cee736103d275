import CLinux
import Glibc

/// How a program of this package begins and ends.
package enum MainProgram {
    /// Call it before all else, while there is one thread and nothing is open.
    ///
    /// A descriptor of 0, 1 and 2 that is closed is taken, lest the next file that is opened be read as input or get messages
    /// written into it. Signals that stand for a failed write or a child's end do what this program expects, whatever its
    /// parent did with them. An environment that names folders by relative paths is corrected. Arguments and folders that
    /// are not UTF-8 end the program, for they would name something else as text.
    /// - Parameter name: the program's, for messages.
    package static func start(name: String) {
        openStandardDescriptors()
        for number in [SIGPIPE, SIGXFSZ] { signal(number, SIG_IGN) }
        // Ignored, as some parents leave it, it loses how a child ended.
        signal(SIGCHLD, SIG_DFL)
        let advice = "is not UTF-8: rename what it names, or make a link to it with a plain name and give that\n"
        if let argument = firstForeignArgument() {
            StandardError.write("\(name): the argument '\(argument)' \(advice)")
            exit(64)
        }
        for variable in Environment.folders {
            guard let value = getenv(variable), let foreign = foreignText(value) else { continue }
            StandardError.write("\(name): \(variable)='\(foreign)' \(advice)")
            exit(78)
        }
        Environment.settle()
    }

    /// Ends the program, and says when the results could not be written.
    /// - Parameters:
    ///   - code: the exit code, unless it is 0 and results are lost: then 73, or 141 when their reader had enough
    ///     (`| head`), as if SIGPIPE had ended us.
    ///   - name: the program's, for messages.
    package static func end(_ code: Int32, name: String) -> Never {
        guard let failure = StandardOutput.program.finish() else { CurrentProcess.end(code) }
        if failure.code == EPIPE { CurrentProcess.end(code == 0 ? 128 + SIGPIPE : code) }
        let reason = failure.code == EBADF ? "it is closed" : failure.message
        let cure =
            switch failure.code {
            case ENOSPC, EDQUOT: "Make room there, or send it elsewhere"
            case EFBIG: "Raise the limit of file sizes (ulimit -f), or send it elsewhere"
            default: "Send it elsewhere"
            }
        let rest = code == 0 ? "; everything else is done" : ""
        StandardError.write("\(name): standard output cannot be written: \(reason). \(cure)\(rest)\n")
        CurrentProcess.end(code == 0 ? 73 : code)
    }

    /// The standard input for one reader, who closes it; descriptor 0 stays taken and is at its end.
    /// - Throws: ``SystemCallError``.
    package static func takeStandardInput() throws(SystemCallError) -> FileHandle {
        let input = FileHandle(owning: try systemCall("fcntl") { fcntl(STDIN_FILENO, osc_F_DUPFD_CLOEXEC, 3) })
        let null = try FileHandle(path: "/dev/null", flags: O_RDONLY)
        try systemCall("dup2") { dup2(null.descriptor, STDIN_FILENO) }
        return input
    }

    /// Reading from a closed input is an end of file; writing to a closed output fails; messages go nowhere.
    static func openStandardDescriptors() {
        for (number, flags) in [(STDIN_FILENO, O_RDONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_WRONLY)]
        where fcntl(number, F_GETFD) == -1 && errno == EBADF {
            // open gives the lowest free number, which is this one. Without /dev, reads and writes fail.
            if open("/dev/null", flags) < 0 { _ = open("/", O_RDONLY | O_DIRECTORY) }
        }
    }

    /// The first argument that is not UTF-8, its foreign bytes as `\xNN`.
    private static func firstForeignArgument() -> String? {
        for index in 0..<Int(CommandLine.argc) {
            guard let argument = CommandLine.unsafeArgv[index] else { continue }
            if let foreign = foreignText(argument) { return foreign }
        }
        return nil
    }

    /// Nil for UTF-8; else the text with each byte above ASCII as `\xNN`, and control characters likewise.
    static func foreignText(_ text: UnsafePointer<CChar>) -> String? {
        guard String(validatingCString: text) == nil else { return nil }
        let bytes = UnsafeBufferPointer(start: text, count: strlen(text)).map { UInt8(bitPattern: $0) }
        return bytes.reduce(into: "") { result, byte in
            if (0x20..<0x7F).contains(byte) {
                result.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                result += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
    }
}
