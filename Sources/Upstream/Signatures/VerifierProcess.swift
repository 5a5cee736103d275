import Linux

/// A folder for one verification, this user's alone; it is removed with the object.
final class ScratchFolder: Sendable {
    let path: String

    /// - Throws: ``SignatureError/verifierFailed(program:cause:)``.
    init() throws(SignatureError) {
        do throws(SystemCallError) {
            path = try Folder.makeTemporary(prefix: "\(Environment.temporaryFolder)/oscircular-signature-")
        } catch {
            throw .verifierFailed(program: "the verifier", cause: "\(error)")
        }
    }

    func path(_ name: String) -> String { "\(path)/\(name)" }

    /// - Returns: the file's path.
    /// - Throws: ``SignatureError/verifierFailed(program:cause:)``.
    func write(_ bytes: [UInt8], _ name: String) throws(SignatureError) -> String {
        do throws(SystemCallError) {
            try AtomicFile.write(bytes, to: path(name), mode: 0o600)
            return path(name)
        } catch {
            throw .verifierFailed(program: "the verifier", cause: "\(error)")
        }
    }

    // A temporary folder that stays is the system's to clear.
    deinit { try? Folder.removeTree(path) }
}

/// A verifier's run, on a thread that may wait: bounded in time and output, without the user's settings.
enum VerifierProcess {
    private static func environment(_ folder: ScratchFolder) -> [String] {
        ChildProcess.plainEnvironment + ["LC_ALL=C", "HOME=\(folder.path)", "GNUPGHOME=\(folder.path)"]
    }

    static func run(
        _ program: String, _ arguments: [String], _ folder: ScratchFolder
    ) throws(SignatureError) -> ChildProcess.Finished {
        do throws(SystemCallError) {
            let ended = try ChildProcess.run(
                program, arguments, environment: environment(folder), within: SignatureVerifier.usualTime)
            guard ended.ranOutOfTime else { return ended }
        } catch {
            throw .verifierFailed(program: Self.name(program), cause: "\(error)")
        }
        throw .verifierFailed(program: name(program), cause: "it did not end in time")
    }

    /// Runs a verifier that reads a large file from its standard input.
    /// - Returns: what it wrote to its standard output.
    static func run(
        _ program: String, _ arguments: [String], _ folder: ScratchFolder, seconds: UInt64,
        input next: () throws -> [UInt8]?
    ) throws(SignatureError) -> [UInt8] {
        let path = folder.path("status")
        do {
            // The reading end stays open here until the program has ended: so no write finds the other end closed.
            var (reading, writing) = try pipe()
            let output = try FileHandle(path, for: .writing, [.createNew], mode: 0o600)
            let child = try ChildProcess(
                program, arguments, environment: environment(folder), standardInput: reading?.descriptor,
                standardOutput: output.descriptor, session: .own)
            var hasEnded = false
            // Its number is its own until it is collected here.
            defer {
                if !hasEnded {
                    child.send(.kill)
                    child.wait()
                }
            }
            let end = MonotonicClock.nanoseconds + seconds * 1_000_000_000
            /// - Returns: whether the program takes more, or else has ended.
            func wait(_ descriptor: Int32?) throws -> Bool {
                var sources = [PollSource(child.descriptor), PollSource(descriptor, .writable)]
                let now = MonotonicClock.nanoseconds
                let rest = now < end ? (end - now) / 1_000_000 : 0
                guard try PollSource.wait(for: &sources, milliseconds: Int32(clamping: rest)) else {
                    throw SignatureError.verifierFailed(program: name(program), cause: "it did not end in time")
                }
                return !sources[0].hasNews
            }
            feed: while let file = writing, let bytes = try next() {
                // A pipe that can be written has room for a page.
                for start in stride(from: 0, to: bytes.count, by: 4096) {
                    guard try wait(file.descriptor) else { break feed }
                    try bytes[start..<min(start + 4096, bytes.count)].withUnsafeBytes { try file.write($0) }
                }
            }
            writing = nil
            while try wait(nil) {}
            hasEnded = true
            child.wait()
            reading = nil
            return try FileContents.read(path, limit: 65_536)
        } catch let error as SignatureError {
            throw error
        } catch {
            throw .verifierFailed(program: name(program), cause: "\(error)")
        }
    }

    /// Both ends, each closed by setting it to nil.
    private static func pipe() throws(SystemCallError) -> (reading: FileHandle?, writing: FileHandle?) {
        let pipe = try Pipe()
        return (pipe.reading, pipe.writing)
    }

    private static func name(_ program: String) -> String {
        program.split(separator: "/").last.map(String.init) ?? program
    }
}
