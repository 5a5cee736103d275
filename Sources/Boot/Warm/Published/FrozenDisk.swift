import DiskImage
import Linux

/// A look at a frozen overlay that came from elsewhere, before QEMU opens it. A qcow2 file may name other files of the host, and its tables
/// may lead anywhere; one that a template left has nothing but clusters of its own.
enum FrozenDisk {
    /// Where a header has the size of a cluster as a power of 2, which is 16 in all that this program makes, and counts the snapshots in the
    /// file.
    private static let (clusterBits, snapshots) = (20..<24, 60..<64)
    /// The longest disk whose tables are looked at at once.
    private static let step: UInt64 = 1 << 30

    /// Waits for the disk.
    /// - Returns: why it is none that a template left, in words that go on after "its disk "; nil where it is.
    /// - Throws: ``SystemCallError``.
    static func fault(of path: String) throws -> String? {
        let file = try LocalDiskFile(path)
        do {
            let head = try file.bytes(in: 0..<min(file.size, 512))
            guard head.count == 512 else { return "is cut off" }
            guard head[snapshots].allSatisfy({ $0 == 0 }) else { return "has snapshots" }
            guard head[clusterBits].elementsEqual([0, 0, 0, 16]) else { return "has clusters of another size" }
            let disk = try Qcow2Layout(file)
            var offset: UInt64 = 0
            while offset < disk.diskSize {
                let end = min(offset + step, disk.diskSize)
                switch try disk.find(offset..<end) {
                case .tables(let tables):
                    for table in tables {
                        try file.bytes(in: table).withUnsafeBytes { bytes in try disk.take(table: table, bytes) }
                    }
                case .parts(let parts):
                    if parts.contains(where: \.isUnit) { return "has packed clusters" }
                    offset = end
                }
            }
            return nil
        } catch let error as DiskImageError {
            return "is none that a guest left: \(error)"
        }
    }
}

extension DiskPart {
    fileprivate var isUnit: Bool { if case .unit = source { true } else { false } }
}

/// A file of this machine that a disk lies in.
private struct LocalDiskFile: DiskFile {
    private let file: FileHandle
    let size: UInt64

    init(_ path: String) throws(SystemCallError) {
        file = try FileHandle(path, for: .reading, [.refuseLink, .nonblocking])
        size = UInt64(clamping: try file.status().size)
    }

    func bytes(in range: Range<UInt64>) throws -> [UInt8] {
        let (start, count) = (Int(range.lowerBound), Int(range.upperBound - range.lowerBound))
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: start) }
        guard read == count else { throw DiskImageError.malformed(reason: "it is cut off") }
        return bytes
    }
}
