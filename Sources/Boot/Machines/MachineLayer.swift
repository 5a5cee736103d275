import Linux

/// The head of a layer's file, which QEMU and qemu-img obey.
enum MachineLayer {
    private static let magic: [UInt8] = [0x51, 0x46, 0x49, 0xFB]
    /// Bytes of a head of version 3.
    private static let length = 104

    /// Looks whether a layer is a qcow2 file that names no other file: neither what lies below it nor one for its data. A QEMU that a guest has broken
    /// can write there what it likes, and another user's QEMU, or root's qemu-img, would open that file.
    /// - Throws: ``MachineError/damaged(_:path:reason:)``, ``MachineError/file(_:)``.
    static func check(_ path: String, of machine: String) throws(MachineError) {
        func refuse(_ reason: String) -> MachineError { .damaged(machine, path: path, reason: reason) }
        let bytes: [UInt8]
        do throws(SystemCallError) {
            let file = try FileHandle(path, for: .reading, [.refuseLink, .nonblocking])
            guard try file.status().kind == .regular else {
                throw SystemCallError(.noSuchFile, call: "open", subject: path)
            }
            bytes = try file.bytes(length)
        } catch {
            if error.isAbsent || error.number == .isALink { throw refuse("it is not there") }
            throw .file(error)
        }
        guard bytes.count == length, bytes.starts(with: magic), number(bytes, 4, 4) == 3 else {
            throw refuse("it is not the disk of a machine")
        }
        guard number(bytes, 8, 8) == 0, number(bytes, 16, 4) == 0 else {
            throw refuse("it names another file as the disk below it")
        }
        // Incompatible features: only that it was not closed (bit 0) is expected.
        let features = number(bytes, 72, 8)
        guard features & 2 == 0 else { throw refuse("QEMU has found it damaged; 'qemu-img check' says more") }
        guard features & ~1 == 0 else { throw refuse("it is made in another way than this program makes disks") }
    }

    private static func number(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> UInt64 {
        bytes[offset..<offset + count].reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension FileHandle {
    /// The first bytes of a file; fewer where it is shorter.
    func bytes(_ count: Int) throws(SystemCallError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 8)
        defer { buffer.deallocate() }
        let read = try self.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: 0)
        return Array(buffer[..<read])
    }
}
