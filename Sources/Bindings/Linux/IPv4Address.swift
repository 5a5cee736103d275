/// An IPv4 address as a number in host byte order.
package struct IPv4Address: Sendable, Hashable, CustomStringConvertible {
    /// `10.0.2.2` is 0x0A000202.
    package let value: UInt32

    package init(value: UInt32) {
        self.value = value
    }

    /// The four numbers as they are written: `IPv4Address(10, 0, 2, 2)`.
    package init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        value = UInt32(first) << 24 | UInt32(second) << 16 | UInt32(third) << 8 | UInt32(fourth)
    }

    package var description: String {
        "\(value >> 24).\(value >> 16 & 0xFF).\(value >> 8 & 0xFF).\(value & 0xFF)"
    }
}
