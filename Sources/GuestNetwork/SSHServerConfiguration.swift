/// The configuration of the sshd that serves one connection of the guest. Its paths are those of ``SSHSandbox``.
enum SSHServerConfiguration {
    static let text = """
        HostKey /etc/oscircular/host_key
        HostKeyAgent /etc/oscircular/agent
        AuthorizedKeysFile /etc/oscircular/authorized_keys
        AuthenticationMethods publickey
        PubkeyAuthentication yes
        PasswordAuthentication no
        KbdInteractiveAuthentication no
        HostbasedAuthentication no
        UsePAM no
        StrictModes no
        PidFile none
        DisableForwarding yes
        PermitTunnel no
        PermitUserEnvironment no
        PermitUserRC no
        UseDNS no
        PrintMotd no
        PrintLastLog no
        AcceptEnv LANG LC_*
        SetEnv HOME=\(SSHSandbox.home)
        LoginGraceTime 30
        MaxAuthTries 3
        MaxSessions 8
        ClientAliveInterval 60
        ClientAliveCountMax 3
        LogLevel INFO
        Subsystem sftp internal-sftp

        """
}
