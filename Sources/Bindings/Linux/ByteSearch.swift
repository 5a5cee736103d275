import Glibc

extension UnsafeRawBufferPointer {
    /// Where some bytes begin; nil where they are not in it.
    package func firstOffset(of bytes: [UInt8], from start: Int = 0) -> Int? {
        guard let base = baseAddress, start < count, !bytes.isEmpty else { return nil }
        let found = bytes.withUnsafeBytes { memmem(base + start, count - start, $0.baseAddress, $0.count) }
        return found.map { UnsafeRawPointer($0) - base }
    }
}
