import Glibc
import Linux

/// Compressed images, known by their first bytes, and the programs that unpack them.
enum Compression: String {
    case xz, zstd, gzip

    /// Bytes of the largest image that is unpacked: more is a bomb.
    private static let largest = 1 << 42

    /// nil for what is not compressed.
    init?(head: [UInt8]) {
        if head.starts(with: [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]) {
            self = .xz
        } else if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) {
            self = .zstd
        } else if head.starts(with: [0x1F, 0x8B, 0x08]) {
            self = .gzip
        } else {
            return nil
        }
    }

    /// Unpacks a file to a new one.
    /// - Throws: ``PublisherError``; the new file may be there in part then, its owner removes it.
    func unpack(
        _ source: String, to target: String, progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) {
        progress.begin(.unpack, total: 0)
        let output: FileHandle
        let input: FileHandle
        do {
            output = try FileHandle(path: target, flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
            input = try FileHandle(path: source, flags: O_RDONLY)
        } catch {
            throw error.subject == source ? .unreadable(error) : .unwritable(error)
        }
        let errors = try ChildProgram.scratch()
        let process = try ChildProgram.start(rawValue, ["-d", "-c"], input: input, output: output, errors: errors)
        var isTooLarge = false
        let status = ChildProgram.wait(for: process, cancellation: cancellation) {
            isTooLarge = (try? output.status().st_size) ?? 0 > Compression.largest
            return !isTooLarge
        }
        try cancellation.check()
        if isTooLarge {
            throw .programFailed(rawValue, status: status, message: "the image is larger than 4 TiB")
        }
        guard status != 0 else { return }
        let words = String(decoding: ChildProgram.contents(errors), as: UTF8.self)
        if words.contains("No space left on device") {
            throw .unwritable(SystemCallError(code: ENOSPC, call: "write", subject: "the unpacked image"))
        }
        throw .programFailed(
            rawValue, status: status, message: words.split(separator: "\n").last.map(String.init) ?? "no words")
    }
}
