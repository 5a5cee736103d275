import Formats

/// The two files of a seed for FreeBSD's nuageinit(7). Its `#cloud-config` differs from release to release; a script works in all.
struct NuageinitScript {
    let seed: GuestSeed

    var metaData: String { "instance-id: \(seed.instanceID)\nlocal-hostname: \(seed.hostName)\n" }

    /// A script of sh(1) for root.
    func userData() throws(GuestDomainError) -> String {
        let user = seed.user
        var script = """
            #!/bin/sh
            user=\(user)
            pw usershow "$user" > /dev/null 2>&1 || pw useradd -n "$user" -m -s /bin/sh -G wheel
            home=$(pw usershow "$user" | cut -d : -f 9)

            """
        if let hash = seed.passwordHash {
            // The image's root has none, and there is no sudo: su asks for root's.
            script += """
                for one in root "$user"; do
                    printf '%s' '\(hash)' | pw usermod -n "$one" -H 0
                done

                """
        }
        script += """
            mkdir -p "$home/.ssh"
            cat >> "$home/.ssh/authorized_keys" <<'KEYS'
            \(seed.authorizedKeys.joined(separator: "\n"))
            KEYS
            chmod 700 "$home/.ssh"
            chmod 600 "$home/.ssh/authorized_keys"
            chown -R "$user" "$home/.ssh"
            # The first word counts in this file.
            sshd=/etc/ssh/sshd_config
            {
                echo 'KbdInteractiveAuthentication no'
                echo 'PasswordAuthentication no'
                echo 'PermitRootLogin \(user == "root" ? "prohibit-password" : "no")'
                cat "$sshd"
            } > "$sshd.new"
            mv "$sshd.new" "$sshd"
            service sshd onestatus > /dev/null 2>&1 && service sshd onereload

            """
        guard let own = seed.userData else { return script }
        guard own.beginsWith("#!") else {
            throw .userDataRefused("this system takes a script, whose first line begins with #!")
        }
        return script + """
            own=$(mktemp -t user-data)
            b64decode -r > "$own" <<'DATA'
            \(Base64.lines(Array(own.text.utf8)))DATA
            chmod 700 "$own"
            "$own"
            rm -f "$own"

            """
    }
}
