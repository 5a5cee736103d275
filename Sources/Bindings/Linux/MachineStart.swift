/// When this machine was started.
package enum MachineStart {
    /// Seconds since 1970, as the kernel counts them; nil where /proc is not there.
    package static var seconds: Int? {
        guard let text = try? FileContents.readText("/proc/stat", limit: 16 << 20) else { return nil }
        let line = text.split(separator: "\n").first { $0.hasPrefix("btime ") }
        return line.flatMap { Int($0.dropFirst(6)) }
    }
}
