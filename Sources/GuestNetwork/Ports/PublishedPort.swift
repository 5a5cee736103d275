import Linux

/// A port of this host that leads to a port of the guest: `[ADDRESS:]PORT:GUESTPORT[/udp]`, as `--publish` takes it.
package struct PublishedPort: Sendable, Hashable {
    package enum Transport: String, Sendable, Codable, CaseIterable { case tcp, udp }

    /// Where this host is reached: 127.0.0.1 where nobody says otherwise.
    package let address: InternetAddress
    package let guestPort: UInt16
    package let transport: Transport

    /// More a guest does not have at once.
    package static let limit = 32

    package init(address: InternetAddress, guestPort: UInt16, transport: Transport) {
        (self.address, self.guestPort, self.transport) = (address, guestPort, transport)
    }

    /// - Throws: ``PortError/malformed(_:reason:)``.
    package init(_ text: String) throws(PortError) {
        func fault(_ reason: String) -> PortError { .malformed(text, reason: reason) }
        var rest = text[...]
        var transport = Transport.tcp
        if let slash = text.lastIndex(of: "/") {
            guard let named = Transport(rawValue: String(text[text.index(after: slash)...])) else {
                throw fault("after '/' stands tcp or udp")
            }
            transport = named
            rest = text[..<slash]
        }
        let form = "write it as [ADDRESS:]PORT:GUESTPORT[/udp], such as 8080:80"
        guard let last = rest.lastIndex(of: ":") else { throw fault(form) }
        let guest = rest[rest.index(after: last)...]
        rest = rest[..<last]
        var host = "127.0.0.1"
        var port = rest
        if let middle = rest.lastIndex(of: ":") {
            port = rest[rest.index(after: middle)...]
            let written = rest[..<middle]
            if written.hasPrefix("["), written.hasSuffix("]") {
                host = String(written.dropFirst().dropLast())
                guard host.contains(":") else { throw fault("in brackets stands an IPv6 address") }
            } else {
                host = String(written)
                guard !host.contains(":") else {
                    throw fault("an IPv6 address stands in brackets, such as [::1]:8080:80")
                }
            }
        }
        guard let number = Self.port(port), let guestNumber = Self.port(guest) else {
            throw fault(port.isEmpty || guest.isEmpty ? form : "a port is a number from 1 to 65535")
        }
        guard let address = InternetAddress(host: host, port: number) else {
            throw fault("'\(host)' is not an address in numbers, such as 127.0.0.1 or [::1]")
        }
        self.init(address: address, guestPort: guestNumber, transport: transport)
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = UInt16(text), number > 0
        else { return nil }
        return number
    }
}

extension PublishedPort: CustomStringConvertible {
    /// As it is written, with its address.
    package var description: String { "\(address):\(guestPort)\(transport == .udp ? "/udp" : "")" }

    /// What is taken on this host, for people: `127.0.0.1:8080 (tcp)`.
    package var place: String { "\(address) (\(transport.rawValue))" }
}

/// Why a port is not published. The case says what the user can do.
package enum PortError: Error, Sendable, Equatable {
    /// What the user typed.
    case malformed(String, reason: String)
    /// Another program has it; its name, where that is known.
    case taken(PublishedPort, by: String?)
    /// Only root may take it.
    case privileged(PublishedPort, lowest: Int)
    /// The address is not one of this host's.
    case notThisHost(PublishedPort)
    /// It was asked for twice, or is published already.
    case twice(PublishedPort)
    case tooMany
    case notPublished(PublishedPort)
    /// The network's process has no way to take connections in.
    case noEntrance
    case system(SystemCallError)
}

extension PortError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let text, let reason): "'\(text)' is no port to publish: \(reason)"
        case .taken(let port, let owner):
            "\(port.place) is taken by \(owner ?? "another program"): choose another port of this host, or end that program"
        case .privileged(let port, let lowest):
            "only root may take a port below \(lowest), and \(port.address.port) is one: choose one from \(lowest) on, or have root "
                + "allow it with 'sysctl net.ipv4.ip_unprivileged_port_start=\(port.address.port)'"
        case .notThisHost(let port):
            "\(port.address.host) is not an address of this host: 'ip address' shows those that it has, and "
                + "\(port.address.isIPv6 ? "[::]" : "0.0.0.0") means all of them"
        case .twice(let port): "\(port.place) is published already: a port of this host leads to one guest and one port"
        case .tooMany: "a guest has \(PublishedPort.limit) published ports at most: take one away first"
        case .notPublished(let port): "\(port) is not published"
        case .noEntrance:
            "this guest's network could not prepare for connections from outside, so no TCP port can be published: the session's log says "
                + "why; UDP ports can be"
        case .system(let cause): "\(cause)"
        }
    }

    /// The same error for a port that could not be bound.
    init(_ cause: SystemCallError, _ port: PublishedPort) {
        switch cause.number {
        case .addressInUse: self = .taken(port, by: PortOwner.find(port))
        case .addressNotAvailable: self = .notThisHost(port)
        case .accessDenied:
            let lowest = PortOwner.lowestForUsers
            self = Int(port.address.port) < lowest ? .privileged(port, lowest: lowest) : .system(cause)
        default: self = .system(cause)
        }
    }
}
