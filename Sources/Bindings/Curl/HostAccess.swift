import CCurl
import Linux

/// How we show one server who we are, and how it shows us. It is used for that server and no other, after
/// redirects only where the user named the first server, too.
package struct HostAccess: Sendable, Equatable {
    /// Name as in URLs, in lower-case letters; with `:PORT` where it is not the scheme's own.
    package let name: String
    /// A file with the token that is sent as `Authorization: Bearer`. It is read for every request, so it may be renewed.
    package var bearerFile: String?
    /// PEM files of a client certificate and its key; the key may be in the certificate's file.
    package var certificate: String?
    package var key: String?
    /// A PEM file of the authorities that may have signed the server's certificate, in place of the system's.
    package var authorities: String?
    /// Where the server's user name and password are looked up.
    package var netrc: Netrc?

    package enum Netrc: Sendable, Equatable {
        /// `~/.netrc`
        case ofUser
        case file(String)
    }

    package init(name: String) { self.name = name.lowercased() }

    private static let longestToken = 16_384

    /// Whether something of ours would be sent.
    private var hasCredentials: Bool { bearerFile != nil || certificate != nil || netrc != nil }

    /// Sets the options for a transfer from this server.
    /// - Parameter tellsWho: whether it is told who we are.
    /// - Throws: ``TransferError/unsupported(url:message:)``, which contains nothing of a secret.
    func apply(to easy: UnsafeMutableRawPointer, url: String, tellsWho: Bool) throws(TransferError) {
        if let authorities {
            osc_curl_set_text(easy, CURLOPT_CAINFO, authorities)
            osc_curl_set_text(easy, CURLOPT_CAPATH, nil)
        }
        guard tellsWho else { return }
        let shown = URLText.withoutCredentials(url)
        // On the way to another machine anybody could read them.
        guard !hasCredentials || url.lowercased().hasPrefix("https:") || URLText.isOfThisMachine(url) else {
            throw .unsupported(url: shown, message: "the credentials for \(name) are sent over https only")
        }
        if let bearerFile {
            osc_curl_set_long(easy, CURLOPT_HTTPAUTH, 1 << 6 /* CURLAUTH_BEARER */)
            osc_curl_set_text(easy, CURLOPT_XOAUTH2_BEARER, try HostAccess.token(in: bearerFile, url: shown))
        }
        if let certificate {
            osc_curl_set_text(easy, CURLOPT_SSLCERT, certificate)
            osc_curl_set_text(easy, CURLOPT_SSLKEY, key ?? certificate)
        }
        switch netrc {
        case nil: break
        case .ofUser: osc_curl_set_long(easy, CURLOPT_NETRC, osc_curl_netrc_optional)
        case .file(let path):
            osc_curl_set_long(easy, CURLOPT_NETRC, osc_curl_netrc_optional)
            osc_curl_set_text(easy, CURLOPT_NETRC_FILE, path)
        }
    }

    private static func token(in file: String, url: String) throws(TransferError) -> String {
        let text: String
        do {
            text = try FileContents.readText(file, limit: longestToken)
        } catch {
            throw .unsupported(url: url, message: "\(file): \(error.message)")
        }
        let lines = text.split(whereSeparator: \.isWhitespace)
        guard lines.count == 1, let token = lines.first, token.utf8.allSatisfy({ $0 > 32 && $0 < 127 }) else {
            throw .unsupported(url: url, message: "\(file): it does not hold a token of one line")
        }
        return String(token)
    }
}
