import CLinux

extension UnsafeRawBufferPointer {
    /// Where some bytes begin; nil where they are not in it.
    package func firstOffset(of bytes: [UInt8], from start: Int = 0) -> Int? {
        guard let base = baseAddress, start < count, !bytes.isEmpty else { return nil }
        let found = bytes.withUnsafeBytes { osc_find_bytes(base + start, count - start, $0.baseAddress, $0.count) }
        return found.map { $0 - base }
    }
}
