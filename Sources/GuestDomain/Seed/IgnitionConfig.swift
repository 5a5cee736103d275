import Formats

/// What Ignition reads at the first boot of CoreOS and Flatcar: its configuration of version 3.3.0, which all that are still updated know.
struct IgnitionConfig {
    let seed: GuestSeed

    /// The user's own configuration is merged over ours; lists, such as those of keys, are joined.
    func text() throws(GuestDomainError) -> String {
        var ignition = #""version":"3.3.0""#
        if let own = seed.userData {
            guard own.beginsWith("{") else {
                throw .userDataRefused(
                    "this system takes Ignition's JSON; 'butane FILE' makes it of a Butane configuration")
            }
            ignition += #","config":{"merge":[{"source":"data:;base64,\#(Base64.encode(Array(own.text.utf8)))"}]}"#
        }
        let keys = seed.authorizedKeys.map(QuotedText.quoted).joined(separator: ",")
        let hash = seed.passwordHash.map { #","passwordHash":\#(QuotedText.quoted($0))"# } ?? ""
        var files = [
            file("/etc/hostname", mode: 0o644, "\(seed.hostName)\n"),
            file("/etc/ssh/sshd_config.d/10-oscircular.conf", mode: 0o600, "PasswordAuthentication no\n"),
        ]
        var units = ""
        if let script = seed.startScript {
            files.append(file(IgnitionConfig.homeScript, mode: 0o700, script))
            let lines = IgnitionConfig.homeUnit.map { "\($0)\\n" }.joined()
            units = #","systemd":{"units":[{"name":"oscircular-home.service","enabled":true,"contents":"\#(lines)"}]}"#
        }
        return #"{"ignition":{\#(ignition)},"#
            + #""passwd":{"users":[{"name":\#(QuotedText.quoted(seed.user)),"sshAuthorizedKeys":[\#(keys)]\#(hash)}]},"#
            + #""storage":{"files":[\#(files.joined(separator: ","))]}\#(units)}"# + "\n"
    }

    private static let homeScript = "/etc/oscircular/home"
    /// At each start; without characters that JSON escapes.
    private static let homeUnit = [
        "[Unit]", "Description=The user's home", "After=local-fs.target", "[Service]", "Type=oneshot",
        "ExecStart=/bin/sh \(homeScript)", "[Install]", "WantedBy=multi-user.target",
    ]

    private func file(_ path: String, mode: Int, _ text: String) -> String {
        let source = QuotedText.quoted("data:;base64,\(Base64.encode(Array(text.utf8)))")
        return #"{"path":\#(QuotedText.quoted(path)),"mode":\#(mode),"overwrite":true,"#
            + #""contents":{"source":\#(source)}}"#
    }
}
