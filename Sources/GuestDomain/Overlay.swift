import Glibc
import Linux

/// The qcow2 file that takes a guest's writes and is thrown away.
package enum Overlay {
    /// Bytes that an empty overlay takes at most, for an image of 16 TiB.
    private static let leastSpace = 1 << 20

    /// Makes an empty overlay (0600) over a raw image. Blocks while qemu-img runs.
    /// - Parameter size: bytes of the image; the guest's disk has as many.
    /// - Throws: ``GuestDomainError``.
    package static func create(at path: String, backing: String, size: UInt64) throws(GuestDomainError) {
        guard let program = ProgramPath.find("qemu-img") else {
            throw .missingProgram("qemu-img", package: "qemu-utils")
        }
        do {
            // Made here first, so that it never has other bits; qemu-img keeps them.
            _ = try FileHandle(path: path, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            let pipe = try Pipe()
            let process = try ChildProcess(
                program: program,
                // -u: the backing file is not opened here, so no read waits for a block.
                arguments: ["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", backing, path, "\(size)"],
                environment: nil, descriptors: [nil, pipe.writing.descriptor, pipe.writing.descriptor])
            let code = process.wait().shellStatus
            if code != 0 {
                unlink(path)
                let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
                // qemu-img says it in a sentence, and its code is 1 for everything.
                if let space = try? FileSystemSpace(of: Folder(path: folder)), space.available < leastSpace {
                    throw SystemCallError(code: ENOSPC, call: "write", subject: path)
                }
                let words = Self.words(pipe.reading)
                if let cause = Self.limit(code, words) {
                    throw SystemCallError(code: cause, call: "write", subject: path)
                }
                throw GuestDomainError.overlayFailed(reason: "qemu-img ended with \(code)\(words)")
            }
        } catch let error as SystemCallError {
            throw .system(error)
        } catch let error as GuestDomainError {
            throw error
        } catch {
            throw .overlayFailed(reason: "\(error)")
        }
    }

    /// The error number of the full disk, quota or limit of file sizes that ended qemu-img; nil when it was something else.
    private static func limit(_ code: Int32, _ words: String) -> Int32? {
        // Who writes past the limit of file sizes is ended by this signal.
        if code == 128 + SIGXFSZ { return EFBIG }
        return [ENOSPC, EDQUOT, EFBIG].first { words.contains(SystemCallError.message(of: $0)) }
    }

    private static func words(_ pipe: FileHandle) -> String {
        // qemu-img has ended: what it said fits the pipe and is there.
        _ = fcntl(pipe.descriptor, F_SETFL, O_NONBLOCK)
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(pipe.descriptor, &buffer, buffer.count)
        let lines = String(decoding: buffer[..<max(count, 0)], as: UTF8.self).split(separator: "\n")
        return lines.isEmpty ? "" : ": " + lines.joined(separator: "; ")
    }
}
