import Glibc
import Linux

/// Whether the user pays for what the network brings.
enum MeteredNetwork {
    /// What NetworkManager knows of the connection in use; false where there is no NetworkManager. Blocks.
    static func isMetered() -> Bool {
        guard let pipe = try? Pipe(),
            let child = try? ChildProcess(
                program: "/usr/bin/busctl",
                arguments: [
                    "--timeout=2", "--auto-start=no", "get-property", "org.freedesktop.NetworkManager",
                    "/org/freedesktop/NetworkManager", "org.freedesktop.NetworkManager", "Metered",
                ], descriptors: [nil, pipe.writing.descriptor, nil])
        else { return false }
        guard child.wait() == .exited(0) else { return false }
        // An answer of nothing must not keep us.
        _ = fcntl(pipe.reading.descriptor, F_SETFL, O_NONBLOCK)
        var answer = [UInt8](repeating: 0, count: 64)
        let count = read(pipe.reading.descriptor, &answer, answer.count)
        return isMetered(answer: String(decoding: answer.prefix(max(0, count)), as: UTF8.self))
    }

    /// - Parameter answer: `u N` with N of NMMetered: 1 yes, 2 no, 3 guessed yes, 4 guessed no, 0 unknown.
    static func isMetered(answer: String) -> Bool {
        let words = answer.split { $0 == " " || $0 == "\n" }
        return words.count == 2 && words[0] == "u" && (words[1] == "1" || words[1] == "3")
    }
}
