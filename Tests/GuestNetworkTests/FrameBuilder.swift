import Linux

@testable import GuestNetwork

/// Makes the frames that a guest sends, right checksums included.
struct FrameBuilder {
    static let guestHardware: [UInt8] = [0x52, 0x54, 0, 0x12, 0x34, 0x56]
    static let broadcast = [UInt8](repeating: 0xFF, count: 6)

    var destinationHardware = broadcast
    var hardware = guestHardware
    /// What ARP and DHCP say that it is; nil for the same.
    var claimedHardware: [UInt8]?
    var source = VirtualNetwork.guest
    var options: [UInt8] = []
    var fragment: UInt16 = 0x4000

    func ethernet(_ type: UInt16, _ payload: [UInt8]) -> [UInt8] {
        destinationHardware + hardware + big(type) + payload
    }

    func arp(for target: IPv4Address, operation: UInt16 = 1, to targetHardware: [UInt8] = [0, 0, 0, 0, 0, 0]) -> [UInt8]
    {
        ethernet(
            0x0806,
            big(1) + big(0x0800) + [6, 4] + big(operation) + (claimedHardware ?? hardware) + bytes(source)
                + targetHardware
                + bytes(target))
    }

    func ip(_ protocolNumber: UInt8, to destination: IPv4Address, _ payload: [UInt8]) -> [UInt8] {
        let length = 20 + options.count
        var header: [UInt8] = [UInt8(0x40 | length / 4), 0] + big(UInt16(length + payload.count))
        header +=
            big(0x1234) + big(fragment) + [64, protocolNumber, 0, 0] + bytes(source) + bytes(destination) + options
        header.replaceSubrange(10..<12, with: big(checksum(header)))
        return ethernet(0x0800, header + payload)
    }

    func udp(from sourcePort: UInt16, to destination: IPv4Address, _ port: UInt16, _ data: [UInt8] = [1, 2, 3, 4])
        -> [UInt8]
    {
        var segment = big(sourcePort) + big(port) + big(UInt16(8 + data.count)) + [0, 0] + data
        segment.replaceSubrange(6..<8, with: big(checksum(pseudoHeader(17, destination, segment.count) + segment)))
        return ip(17, to: destination, segment)
    }

    func tcp(
        from sourcePort: UInt16, to destination: IPv4Address, _ port: UInt16, flags: UInt8, sequence: UInt32 = 1000,
        acknowledgement: UInt32 = 0, _ data: [UInt8] = []
    ) -> [UInt8] {
        var segment = big(sourcePort) + big(port) + long(sequence) + long(acknowledgement)
        segment += [0x50, flags] + big(0x4000) + [0, 0, 0, 0] + data
        segment.replaceSubrange(16..<18, with: big(checksum(pseudoHeader(6, destination, segment.count) + segment)))
        return ip(6, to: destination, segment)
    }

    func ping(_ destination: IPv4Address) -> [UInt8] {
        var message: [UInt8] = [8, 0, 0, 0, 0, 1, 0, 1, 0x55, 0xAA]
        message.replaceSubrange(2..<4, with: big(checksum(message)))
        return ip(1, to: destination, message)
    }

    /// DHCPDISCOVER, by default to all.
    func dhcpDiscover(to destination: IPv4Address = IPv4Address(value: UInt32.max)) -> [UInt8] {
        var builder = self
        if destination.value == UInt32.max { builder.source = IPv4Address(value: 0) }
        var message: [UInt8] = [1, 1, 6, 0] + long(0x0102_0304) + [UInt8](repeating: 0, count: 20)
        message += (claimedHardware ?? hardware) + [UInt8](repeating: 0, count: 10 + 192)
        message += [0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255]
        message += [UInt8](repeating: 0, count: 60)
        return builder.udp(from: 68, to: destination, 67, message)
    }

    /// A question for an address, with EDNS.
    func question(_ name: String = "example.org", type: UInt16 = 1) -> [UInt8] {
        var message: [UInt8] = [0x12, 0x34, 0x01, 0x20, 0, 1, 0, 0, 0, 0, 0, 1]
        for label in name.split(separator: ".") {
            message.append(UInt8(label.utf8.count))
            message += Array(label.utf8)
        }
        message.append(0)
        message += big(type)
        message += [0, 1]
        message += [0, 0, 41, 0x04, 0xD0, 0, 0, 0, 0, 0, 0]
        return message
    }

    private func pseudoHeader(_ protocolNumber: UInt8, _ destination: IPv4Address, _ length: Int) -> [UInt8] {
        bytes(source) + bytes(destination) + [0, protocolNumber] + big(UInt16(length))
    }

    private func bytes(_ address: IPv4Address) -> [UInt8] { long(address.value) }

    private func big(_ value: UInt16) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    private func long(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }

    private func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(sum)
    }
}
