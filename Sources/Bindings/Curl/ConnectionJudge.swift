import CCurl
import Glibc
import Linux

/// Whether a transfer may go where it is about to go, by its ``TransferReach`` and the address that libcurl connects to.
struct ConnectionJudge: Sendable {
    /// Changes with redirects.
    private(set) var reach: TransferReach
    /// The connection is a proxy's, which the user configured: only names can be judged.
    private(set) var isProxied = false
    /// Where the server of the present URL is; nil before a connection, and where only a proxy knows.
    private(set) var kind: AddressKind?
    /// Where the server of the first URL is.
    private(set) var firstKind: AddressKind?
    /// What it was kept from, for the message.
    private(set) var refusal: String?
    /// One of the name's addresses may be connected to.
    private var isAllowed = false

    init(_ reach: TransferReach) { self.reach = reach }

    /// Looks at a URL before anything is connected.
    /// - Parameter written: servers that the user named, whoever else names them.
    /// - Returns: why it is not asked; nil if it may be.
    mutating func begin(_ url: String, proxy: String?, written: Set<String> = []) -> String? {
        (kind, refusal, isAllowed) = (nil, nil, false)
        if let server = URLText.server(of: url), written.contains(server) { reach = .written }
        isProxied = proxy != nil
        if case .named(let own) = reach, URLText.server(of: url) == nil, own != .machine {
            return "only a folder of this machine may lead to its files"
        }
        guard isProxied, reach != .written, let host = URLText.host(of: url) else { return nil }
        guard let kind = AddressKind(host: host) else { return "\(host) is not the name of a server" }
        return reach.allows(kind) ? nil : ConnectionJudge.message(host, kind)
    }

    /// Judges one of a name's addresses, before a connection to it is made. Where another is allowed, what comes of that counts.
    mutating func allows(_ kind: AddressKind, _ address: String) -> Bool {
        guard !isProxied, !reach.allows(kind) else {
            (isAllowed, refusal) = (true, nil)
            return true
        }
        if !isAllowed { refusal = ConnectionJudge.message(address, kind) }
        return false
    }

    /// A request is about to be sent over a connection to this address.
    mutating func connected(to address: String) -> Bool {
        if isProxied { return true }
        let kind = AddressKind(address) ?? .reserved
        guard reach.allows(kind) else {
            refusal = ConnectionJudge.message(address, kind)
            return false
        }
        self.kind = kind
        return true
    }

    /// A server answered.
    mutating func answered(redirects: Int) { if redirects == 0 { firstKind = kind } }

    /// The server sent us elsewhere.
    mutating func follow(from url: String, to next: String) {
        guard URLText.server(of: next) != URLText.server(of: url) else { return }
        let own = kind ?? URLText.host(of: url).flatMap { AddressKind(host: $0) } ?? .internet
        // A redirect is nobody's signed word, and another port of this machine is another service.
        reach = .named(by: own == .machine ? .internet : own)
    }

    private static func message(_ address: String, _ kind: AddressKind) -> String {
        "it leads to \(address), which is \(kind.words), and only you may name such a server: in [mirrors], or as a [[host]]"
    }
}

extension Transfer {
    /// Has libcurl ask us about each connection. The options of the handle are fresh.
    func watchConnections(_ easy: UnsafeMutableRawPointer) {
        let own = Unmanaged.passUnretained(self).toOpaque()
        osc_curl_set_open_socket(easy, Transfer.openSocket)
        osc_curl_set_pointer(easy, CURLOPT_OPENSOCKETDATA, own)
        osc_curl_set_prereq(easy, Transfer.beforeRequest)
        osc_curl_set_pointer(easy, CURLOPT_PREREQDATA, own)
    }

    /// Makes the socket for a connection to an address, if that may be connected to; libcurl tries the name's next one otherwise.
    private static let openSocket: curl_opensocket_callback = { user, _, address in
        guard let user, let address else { return -1 }
        let transfer = Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
        // The address is longer than the structure says: libcurl keeps room behind it.
        let start = MemoryLayout<curl_sockaddr>.offset(of: \.addr) ?? 0
        let bytes = UnsafeRawBufferPointer(
            start: UnsafeRawPointer(address) + start, count: Int(address.pointee.addrlen))
        guard transfer.allows(bytes, family: address.pointee.family) else { return -1 }
        return socket(
            address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
    }

    /// A connection is there, perhaps an older one that another transfer made: may this request be sent over it?
    private static let beforeRequest: curl_prereq_callback = { user, address, _, _, _ in
        guard let user, let address else { return CURL_PREREQFUNC_ABORT }
        let transfer = Unmanaged<Transfer>.fromOpaque(user).takeUnretainedValue()
        return transfer.connected(to: String(cString: address)) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }

    private func allows(_ address: UnsafeRawBufferPointer, family: Int32) -> Bool {
        // Behind the family's number: IPv4 has port and address, IPv6 port, flow label and address.
        let place = family == AF_INET ? 4..<8 : family == AF_INET6 ? 8..<24 : 0..<0
        guard !place.isEmpty, address.count >= place.upperBound else { return false }
        let bytes = Array(address[place])
        return judge.allows(AddressKind(bytes), AddressKind.text(bytes))
    }

    private func connected(to address: String) -> Bool { judge.connected(to: address) }
}

extension AddressKind {
    /// An address as it is written.
    static func text(_ bytes: [UInt8]) -> String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else {
            return "an address"
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
