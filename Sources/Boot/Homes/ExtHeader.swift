import Formats

/// The beginning of an ext4 file system, as far as it tells whether a disk is still the home that it was: a guest that wrote another label or
/// number there, or a partition table before it, could make the next guest take the home for its own system, or for orders of its maker.
package struct ExtHeader: Sendable, Equatable {
    /// Bytes of the disk that it is read from.
    package static let length = 2048

    package let label: String
    /// As text.
    package let uuid: String
    /// Bytes.
    package let size: UInt64
    /// Nothing lies before the file system, where a disk may have a partition table or another file system.
    package let isAlone: Bool

    /// Nil for anything but an ext2, ext3 or ext4 file system (the kernel's fs/ext4/ext4.h, `struct ext4_super_block`).
    package init?(_ bytes: [UInt8]) {
        guard bytes.count >= ExtHeader.length else { return nil }
        func number(_ offset: Int, _ count: Int) -> UInt64 {
            bytes[1024 + offset..<1024 + offset + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        let logarithm = number(24, 4)
        guard number(56, 2) == 0xEF53, logarithm <= 6 else { return nil }
        let has64Bits = number(96, 4) & 0x80 != 0
        let blocks = number(4, 4) | (has64Bits ? number(336, 4) << 32 : 0)
        let (size, overflow) = blocks.multipliedReportingOverflow(by: 1024 << logarithm)
        guard !overflow else { return nil }
        self.size = size
        label = String(decoding: bytes[1144..<1160].prefix { $0 != 0 }, as: UTF8.self)
        let digits = Hexadecimal.string(of: bytes[1128..<1144])
        var uuid = ""
        for (position, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(position) { uuid += "-" }
            uuid.append(digit)
        }
        self.uuid = uuid
        isAlone = bytes[..<1024].allSatisfy { $0 == 0 }
    }
}
