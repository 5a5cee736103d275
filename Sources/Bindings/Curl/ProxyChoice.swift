import CCurl
import Glibc
import Linux

/// The proxy that the environment has for a URL, by libcurl's own rules (`CURLOPT_PROXY`, `CURLOPT_NOPROXY`). libcurl is told what
/// comes of it, so that both know whether the address connected to is the server's or the proxy's.
enum ProxyChoice {
    /// nil for none.
    static func proxy(for url: String, environment: (String) -> String? = Environment.value) -> String? {
        guard let scheme = url.firstRange(of: "://").map({ url[..<$0.lowerBound].lowercased() }),
            let host = URLText.host(of: url)
        else { return nil }
        // HTTP_PROXY is not read: a web server's programs have there what a client sent as the header Proxy.
        let names =
            scheme == "http"
            ? ["http_proxy", "all_proxy", "ALL_PROXY"]
            : ["\(scheme)_proxy", "\(scheme.uppercased())_PROXY", "all_proxy", "ALL_PROXY"]
        let exceptions = environment("no_proxy") ?? environment("NO_PROXY") ?? ""
        guard let proxy = names.compactMap(environment).first, !isException(host, exceptions) else { return nil }
        return proxy
    }

    /// Whether a list, separated by commas or blanks, names the host, a domain of it, or a network that its address is in.
    private static func isException(_ host: String, _ list: String) -> Bool {
        if list == "*" { return true }
        var name = Substring(host.lowercased())
        if name.hasPrefix("["), name.hasSuffix("]") { name = name.dropFirst().dropLast() }
        let address = bytes(name)
        if name.hasSuffix(".") { name = name.dropLast() }
        return list.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }).contains { entry in
            guard let address else {
                var domain = entry.lowercased().drop { $0 == "." }
                if domain.hasSuffix(".") { domain = domain.dropLast() }
                return !domain.isEmpty && (name == domain || name.hasSuffix(".\(domain)"))
            }
            let parts = entry.split(separator: "/", maxSplits: 1)
            guard let network = parts.first.flatMap(bytes), network.count == address.count else { return false }
            let length = parts.count == 2 ? Int(parts[1]) ?? -1 : network.count * 8
            // libcurl takes a length of 0 for the whole address.
            return shares(length == 0 ? network.count * 8 : length, address, network)
        }
    }

    private static func shares(_ length: Int, _ one: [UInt8], _ other: [UInt8]) -> Bool {
        guard (1...one.count * 8).contains(length) else { return false }
        return (0..<length).allSatisfy { bit in
            let mask = UInt8(0x80) >> UInt8(bit % 8)
            return one[bit / 8] & mask == other[bit / 8] & mask
        }
    }

    private static func bytes(_ text: Substring) -> [UInt8]? {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, String(text), &v4) == 1 { return withUnsafeBytes(of: v4) { Array($0) } }
        if inet_pton(AF_INET6, String(text), &v6) == 1 { return withUnsafeBytes(of: v6) { Array($0) } }
        return nil
    }
}

extension URLText {
    /// The host of an http or https URL as libcurl reads it: in IPv4's usual form however it was written, IPv6 in brackets; nil for
    /// what it does not take for a URL.
    package static func host(of url: String) -> String? { part(CURLUPART_HOST, of: url) { _ in } }

    /// The URL as libcurl reads it; nil for what it does not take for one.
    /// - Parameter keeping: whose user name and password it may have, if both name the same server; others are left out.
    static func withoutUser(_ url: String, keeping other: String) -> String? {
        func user(_ url: String) -> [String?] {
            [CURLUPART_USER, CURLUPART_PASSWORD].map { part($0, of: url) { _ in } }
        }
        let isOwn = server(of: url) == server(of: other) && user(url) == user(other)
        return part(CURLUPART_URL, of: url) { handle in
            guard !isOwn else { return }
            curl_url_set(handle, CURLUPART_USER, nil, 0)
            curl_url_set(handle, CURLUPART_PASSWORD, nil, 0)
            curl_url_set(handle, CURLUPART_OPTIONS, nil, 0)
        }
    }

    private static func part(_ part: CURLUPart, of url: String, _ edit: (OpaquePointer) -> Void) -> String? {
        guard let handle = curl_url() else { return nil }
        defer { curl_url_cleanup(handle) }
        guard curl_url_set(handle, CURLUPART_URL, url, 0) == CURLUE_OK else { return nil }
        edit(handle)
        var text: UnsafeMutablePointer<CChar>?
        guard osc_curl_url_get(handle, part, &text) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
