import Linux

/// Who has a port of this host, as far as a user can see.
enum PortOwner {
    /// The lowest port that is not only root's.
    static var lowestForUsers: Int {
        // A kernel without the setting has the usual bound.
        let text = try? FileContents.readText("/proc/sys/net/ipv4/ip_unprivileged_port_start", limit: 64)
        return text.flatMap { Int($0.filter { !$0.isWhitespace }) } ?? 1024
    }

    /// `nginx (process 4711)`, or the user; nil where neither is known.
    static func find(_ port: PublishedPort) -> String? {
        let name = port.transport == .tcp ? "tcp" : "udp"
        for file in [name, "\(name)6"] {
            // What cannot be read names nobody.
            guard let text = try? FileContents.readText("/proc/net/\(file)", limit: 4 << 20) else { continue }
            for line in text.split(separator: "\n").dropFirst() {
                guard let entry = entry(line), entry.port == port.address.port,
                    port.transport == .udp || entry.state == "0A"
                else { continue }
                if let process = process(holding: entry.inode) { return process }
                return "a program of the user \(UserDatabase.user(id: entry.user)?.name ?? "\(entry.user)")"
            }
        }
        return nil
    }

    struct Entry: Equatable {
        let port: UInt16
        let state: String
        let user: UserID
        let inode: UInt64
    }

    /// One line of proc_net_tcp(5).
    static func entry(_ line: Substring) -> Entry? {
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count > 9, let colon = words[1].lastIndex(of: ":"),
            let port = UInt16(words[1][words[1].index(after: colon)...], radix: 16), let user = UserID(words[7]),
            let inode = UInt64(words[9])
        else { return nil }
        return Entry(port: port, state: String(words[3]), user: user, inode: inode)
    }

    /// The process of this user that has a socket open; all processes for root.
    private static func process(holding inode: UInt64) -> String? {
        let wanted = "socket:[\(inode)]"
        for pid in Folder.namesIfAny(in: "/proc") where pid.utf8.allSatisfy({ (48...57).contains($0) }) {
            for descriptor in Folder.namesIfAny(in: "/proc/\(pid)/fd") {
                // It may be gone, or another's.
                guard (try? Paths.target(ofLink: "/proc/\(pid)/fd/\(descriptor)")) == wanted else { continue }
                // As above.
                let name = (try? FileContents.readText("/proc/\(pid)/comm", limit: 64))?.filter { $0 != "\n" }
                return "\(name ?? "a program") (process \(pid))"
            }
        }
        return nil
    }
}
