import Linux

/// QEMU's process of a guest.
package enum EmulatorProcess {
    /// The process of a domain; nil where it is not found. Looks at all processes.
    package static func find(domain: String) -> ProcessID? {
        let name = Array("guest=\(domain),".utf8)
        return Folder.namesIfAny(in: "/proc").compactMap { ProcessID($0) }.first { process in
            // What cannot be looked at is another user's, or has ended.
            let arguments = (try? FileContents.read("/proc/\(process)/cmdline", limit: 1 << 20)) ?? []
            return arguments.split(separator: 0).contains { $0.starts(with: name) }
        }
    }
}
