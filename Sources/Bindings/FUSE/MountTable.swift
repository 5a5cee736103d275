import Linux

/// The mounts that this process sees: /proc/self/mountinfo.
package enum MountTable {
    /// One mounted file system.
    package struct Entry: Sendable, Hashable {
        /// `major:minor` of its device, as below /sys/class/bdi.
        package let device: String
        /// Absolute, links resolved.
        package let mountPoint: String
        /// Such as `ext4` or `fuse.oscircular`.
        package let fileSystem: String
    }

    /// - Throws: ``SystemCallError`` when the table cannot be read.
    package static func entries() throws(SystemCallError) -> [Entry] {
        parse(try FileContents.readText("/proc/self/mountinfo", limit: 64 << 20))
    }

    /// The uppermost mount at a path, nil when nothing is mounted there.
    package static func entry(at path: String) throws(SystemCallError) -> Entry? {
        try entries().last { $0.mountPoint == path }
    }

    /// Lines of `man 5 proc_pid_mountinfo`: id, parent, device, root, mount point, options, optional fields, `-`, type, …
    static func parse(_ text: String) -> [Entry] {
        text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard let separator = fields.firstIndex(of: "-"), separator >= 6, separator + 1 < fields.count else {
                return nil
            }
            return Entry(
                device: String(fields[2]), mountPoint: unescaped(fields[4]), fileSystem: String(fields[separator + 1]))
        }
    }

    /// The kernel writes space, tab, line end and backslash as `\040`.
    private static func unescaped(_ field: Substring) -> String {
        var output: [UInt8] = []
        var input = Array(field.utf8)[...]
        while let byte = input.popFirst() {
            let digits = input.prefix(3)
            guard byte == UInt8(ascii: "\\"), digits.count == 3,
                digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) })
            else {
                output.append(byte)
                continue
            }
            output.append(digits.reduce(0) { $0 &* 8 &+ ($1 - UInt8(ascii: "0")) })
            input = input.dropFirst(3)
        }
        return String(decoding: output, as: UTF8.self)
    }
}
