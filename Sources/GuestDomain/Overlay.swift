import Linux

/// The qcow2 file that takes a guest's writes.
package enum Overlay {
    /// Bytes that an empty overlay takes at most, for an image of 16 TiB.
    private static let leastSpace = 1 << 20

    /// Makes an empty overlay (0600). Holds the calling thread while qemu-img runs.
    /// - Parameters:
    ///   - backing: the raw image below it; nil where the file itself does not say what is below.
    ///   - size: bytes of the guest's disk: the image's, or more.
    /// - Throws: ``GuestDomainError``.
    package static func create(at path: String, backing: String?, size: UInt64) throws(GuestDomainError) {
        guard let program = ProgramPath.find("qemu-img") else {
            throw .missingProgram("qemu-img", package: "qemu-utils")
        }
        do {
            // Made here first, so that it never has other bits; qemu-img keeps them.
            _ = try FileHandle(path, for: .writing, [.createNew, .refuseLink], mode: 0o600)
            // -u: the backing file is not opened here, so no read waits for a block.
            let below = backing.map { ["-F", "raw", "-b", $0] } ?? []
            let finished = try ChildProcess.run(
                program, ["create", "-q", "-u", "-f", "qcow2"] + below + [path, "\(size)"], environment: nil)
            if finished.ending != .exited(0) {
                Paths.removeIfPossible(path)
                let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
                // qemu-img says it in a sentence, and its code is 1 for everything. Where the space cannot be asked for, its sentence tells.
                if let space = try? FileSystemSpace(of: Folder(path: folder)), space.available < leastSpace {
                    throw SystemCallError(.noSpace, call: "write", subject: path)
                }
                let message = finished.text.split(separator: "\n").joined(separator: "; ")
                if let cause = Self.limit(finished.ending, message) {
                    throw SystemCallError(cause, call: "write", subject: path)
                }
                let code = finished.ending.shellStatus
                throw GuestDomainError.overlayFailed(
                    reason: "qemu-img ended with \(code)\(message.isEmpty ? "" : ": \(message)")")
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
    static func limit(_ ending: ChildProcess.Ending, _ message: String) -> ErrorNumber? {
        // A program that writes past the limit of file sizes is ended by this signal.
        if ending == .killed(signal: Signal.fileSizeLimit.rawValue) { return .fileTooLarge }
        return [.noSpace, .quotaExceeded, .fileTooLarge].first {
            message.contains(SystemCallError.message(of: $0.rawValue))
        }
    }
}
