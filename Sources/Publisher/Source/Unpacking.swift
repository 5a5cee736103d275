import Linux

/// Programs that take an image out of what it is packed in.
enum Unpacking {
    /// Bytes of the largest image that is unpacked: more is a bomb.
    private static let largest = 1 << 42

    /// Runs a program from one file to a new one.
    /// - Parameter size: bytes that it must produce, where that is known: unzip does not report a full disk.
    /// - Returns: the first line of its standard error, empty when it wrote none.
    /// - Throws: ``PublisherError``; the new file may be there in part then, its owner removes it.
    static func run(
        _ program: String, _ arguments: [String], from source: String, to target: String, size: Int? = nil,
        progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) -> String {
        progress.begin(.unpack, total: 0)
        let output: FileHandle
        do {
            output = try FileHandle(target, for: .writing, [.create, .truncate], mode: 0o600)
        } catch {
            throw .unwritable(error)
        }
        return try run(program, arguments, from: source, output: output, size: size, cancellation)
    }

    /// What a program says of a file.
    /// - Throws: ``PublisherError``.
    static func list(
        _ program: String, _ arguments: [String], of source: String, cancellation: Cancellation
    ) throws(PublisherError) -> [String] {
        let output = try ChildProgram.scratch()
        _ = try run(program, arguments, from: source, output: output, size: nil, cancellation)
        let listing = ChildProgram.contents(output)
        let size: Int
        do { size = try output.status().size } catch { throw .unreadable(error) }
        // The image may be missing from a part of it, or be one of several there.
        guard listing.count == size else {
            throw .image(
                path: source,
                .other("an archive with too many files", cure: "unpack it, and give the disk image to publish"))
        }
        return String(decoding: listing, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private static func run(
        _ program: String, _ arguments: [String], from source: String, output: FileHandle, size: Int?,
        _ cancellation: Cancellation
    ) throws(PublisherError) -> String {
        let input: FileHandle
        do { input = try FileHandle(source, for: .reading) } catch { throw .unreadable(error) }
        var environment = ChildProgram.environment
        // Its messages are read here in English; and nobody's own settings are meant for this.
        environment["LC_ALL"] = "C.UTF-8"
        for name in [
            "XZ_DEFAULTS", "XZ_OPT", "GZIP", "BZIP", "BZIP2", "TAR_OPTIONS", "UNZIP", "ZIPINFO", "ZSTD_NBTHREADS",
        ] {
            environment[name] = nil
        }
        let errors = try ChildProgram.scratch()
        let process = try ChildProgram.start(
            program, arguments, environment: environment, input: input, output: output, errors: errors)
        var isTooLarge = false
        let status = ChildProgram.wait(for: process, cancellation: cancellation) {
            // Asked again in a moment if it fails this time.
            isTooLarge = (try? output.status().size) ?? 0 > largest
            return !isTooLarge
        }
        try cancellation.check()
        if isTooLarge {
            throw .programFailed(program, status: status, message: "the image is larger than 4 TiB")
        }
        let all = String(decoding: ChildProgram.contents(errors), as: UTF8.self)
        let words = firstWords(of: all)
        let made: Int
        do { made = try output.status().size } catch { throw .unreadable(error) }
        if status == 0, size == nil || made == size { return words }
        if let failure = lackOfRoom(output, status) {
            throw .unwritable(SystemCallError(failure, call: "write", subject: "the unpacked image"))
        }
        let reason = words.isEmpty ? "\(made) bytes came\(size.map { " of \($0)" } ?? "")" : words
        throw .programFailed(program, status: status, message: reason)
    }

    /// Whether the program failed because there was no room, which each reports differently, or not at all: the file is tried.
    private static func lackOfRoom(_ output: FileHandle, _ status: Int32) -> ErrorNumber? {
        if status == Signal.fileSizeLimit.exitCode { return .fileTooLarge }
        do throws(SystemCallError) {
            try [UInt8](repeating: 0, count: 1_048_576).withBytes { (bytes) throws(SystemCallError) in
                try output.write(bytes)
            }
            return nil
        } catch {
            return error.isOutOfSpace ? error.number : nil
        }
    }

    /// The first line that says something; what follows is advice about the program.
    private static func firstWords(of text: String) -> String {
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.drop(while: \.isWhitespace)
            if !words.isEmpty { return words.last == ";" ? String(words.dropLast()) : String(words) }
        }
        return ""
    }
}
