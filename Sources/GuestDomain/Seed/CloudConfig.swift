import Formats

/// The files of a NoCloud seed, as cloud-init reads them (its documentation: "NoCloud", "User data formats").
struct CloudConfig {
    let seed: GuestSeed

    /// The keys stand here as well: nothing in user data takes these away.
    var metaData: String {
        let lines = ["instance-id: \(seed.instanceID)", "local-hostname: \(seed.hostName)"] + keys("public-keys")
        return lines.joined(separator: "\n") + "\n"
    }

    /// Our part alone, or a message of several, the user's after ours.
    func userData() throws(GuestDomainError) -> String {
        var parts = [MultipartMessage.Part(type: "text/cloud-config", name: "oscircular", text: part)]
        if let own = seed.userData { parts.append(try theirs(own)) }
        return parts.count == 1 ? part : MultipartMessage(parts: parts).text
    }

    /// What makes the home, mounts the folder and makes a template, for a file of its own: programs that take less than cloud-init does, such as Alpine's tiny-cloud, pass over that,
    /// and know no message of several parts. It runs at each start; and unlike `mounts` and `users` nothing in the user's part takes its
    /// place. Nil without all of these.
    var vendorData: String? { seed.startScript.map { "#cloud-boothook\n\($0)" } }

    /// `user` is whoever the image calls its default user, by another name where it has another, and with its groups and shell. He exists,
    /// and gets the keys, also where the user's own part lists other users.
    private var part: String {
        var lines = ["#cloud-config", "ssh_pwauth: false", "disable_root: \(seed.user != "root")", "user:"]
        lines += ["  name: \(QuotedText.quoted(seed.user))", "  sudo: \"ALL=(ALL) NOPASSWD:ALL\""]
        if let hash = seed.passwordHash {
            lines += ["  lock_passwd: false", "  hashed_passwd: \(QuotedText.quoted(hash))"]
        } else {
            lines.append("  lock_passwd: true")
        }
        lines += keys("ssh_authorized_keys")
        return lines.joined(separator: "\n") + "\n"
    }

    /// Nothing where there are none, as in a template: a key without a value is no list.
    private func keys(_ name: String) -> [String] {
        guard !seed.authorizedKeys.isEmpty else { return [] }
        return ["\(name):"] + seed.authorizedKeys.map { "  - \(QuotedText.quoted($0))" }
    }

    /// What cloud-init knows a part of user data by.
    private static let beginnings = [
        "#cloud-config", "#!", "#include", "#cloud-boothook", "#part-handler", "## template:",
    ]

    private func theirs(_ own: UserData) throws(GuestDomainError) -> MultipartMessage.Part {
        // A message of several parts becomes one of ours.
        let isMessage = own.beginsWith("Content-Type: multipart/") || own.beginsWith("MIME-Version:")
        if isMessage { return .init(message: own.text) }
        guard CloudConfig.beginnings.contains(where: own.beginsWith) else {
            throw .userDataRefused(
                "this system's cloud-init takes a file that begins with #cloud-config, #!, #include, #cloud-boothook, "
                    + "or the header of a MIME message")
        }
        // As text/plain cloud-init looks for one of the beginnings.
        return .init(type: "text/plain", name: "user-data", text: own.text)
    }
}

/// A MIME message of several parts (RFC 2046), for cloud-init.
private struct MultipartMessage {
    struct Part {
        let text: String

        init(type: String, name: String, text: String) {
            self.text = """
                Content-Type: \(type); charset="utf-8"
                MIME-Version: 1.0
                Content-Transfer-Encoding: base64
                Content-Disposition: attachment; filename="\(name)"

                \(Base64.lines(Array(text.utf8)))
                """
        }

        /// - Parameter message: header and body of a message.
        init(message: String) { text = message }
    }

    let parts: [Part]

    var text: String {
        // Not a line of any part.
        var boundary = "==oscircular=="
        while parts.contains(where: { $0.text.contains(boundary) }) { boundary = "=\(boundary)=" }
        let body = parts.map { "--\(boundary)\n\($0.text)\n" }.joined()
        return "Content-Type: multipart/mixed; boundary=\"\(boundary)\"\nMIME-Version: 1.0\n\n\(body)--\(boundary)--\n"
    }
}
