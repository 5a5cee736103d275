import Glibc
import Linux

/// The small guest that integration tests boot: a raw disk under 64 MiB that prints `READY` on its serial console 4 to
/// 7 seconds after power-on in emulation. `share/tiny-guest/init` says what it takes from fw_cfg.
package enum TinyGuest {
    /// Builds the disk unless it is there already, and gives its path. Tests must not write to it: put an overlay on
    /// it, or open it read-only. All tests of a user share it; the script lets one process build and the others wait.
    /// - Throws: ``TinyGuestError``, or ``SystemCallError`` of starting the script.
    package static func image() async throws -> String { try await disk("tiny-guest", by: "build") }

    /// The same for a processor of the kind aarch64, without ssh: it is there half a minute after power-on, in emulation. Asks Debian's
    /// servers for packages where it is not built yet.
    /// - Throws: ``TinyGuestError``, or ``SystemCallError`` of starting the script.
    package static func imageForAArch64() async throws -> String {
        try await disk("tiny-guest-aarch64", by: "build-aarch64")
    }

    private static func disk(_ name: String, by script: String) async throws -> String {
        let folder = try "\(cache())/oscircular-test/\(name)"
        return try await WorkerThread.run(name: "tiny-guest") {
            let script = "\(scripts)/\(script)"
            let status = try run(script: script, argument: folder)
            guard status == 0 else { throw TinyGuestError.buildFailed(script: script, status: status) }
            return folder + "/disk.raw"
        }
    }

    /// The folder of the scripts, beside this package's sources.
    private static var scripts: String {
        var path = Substring(#filePath)
        for _ in 0..<3 { path = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) }
        return path + "/share/tiny-guest"
    }

    private static func cache() throws(TinyGuestError) -> String {
        if let cache = environment("XDG_CACHE_HOME") { return cache }
        guard let home = environment("HOME") else { throw .noHome }
        return home + "/.cache"
    }

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// Runs the script to its end on the calling thread. Its words go to the test's standard error.
    /// - Returns: the exit code, or 128 plus the signal that ended it.
    private static func run(script: String, argument: String) throws(SystemCallError) -> Int32 {
        var arguments = [strdup(script), strdup(argument), nil]
        defer { arguments.forEach { free($0) } }
        var child = pid_t()
        let result = posix_spawn(&child, script, nil, nil, &arguments, environ)
        guard result == 0 else { throw SystemCallError(code: result, call: "posix_spawn", subject: script) }
        var status: Int32 = 0
        try systemCall("waitpid") { waitpid(child, &status, 0) }
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }
}
