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

/// A range of IPv4 addresses that share their first bits, such as `192.168.0.0/16`.
package struct IPv4Prefix: Sendable, Hashable, CustomStringConvertible {
    /// The first address of the range.
    package let address: IPv4Address
    /// Number of leading bits that count, 0 to 32; more is taken as 32.
    package let length: Int

    /// Bits of `address` after `length` are cleared.
    package init(_ address: IPv4Address, _ length: Int) {
        self.length = min(max(length, 0), 32)
        self.address = IPv4Address(value: address.value & Self.mask(self.length))
    }

    /// The netmask, such as `255.255.255.0` for 24.
    package var netmask: IPv4Address { IPv4Address(value: Self.mask(length)) }

    package func contains(_ other: IPv4Address) -> Bool {
        other.value & Self.mask(length) == address.value
    }

    package var description: String { "\(address)/\(length)" }

    private static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : UInt32.max << UInt32(32 - length) }
}
