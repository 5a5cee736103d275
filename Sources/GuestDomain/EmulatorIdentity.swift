import Glibc

/// The user and group that libvirt runs QEMU as. Files of the guest are given to it while the guest runs.
struct EmulatorIdentity: Sendable, Equatable {
    let user: uid_t
    let group: gid_t

    /// Reads the DAC security model out of libvirt's capabilities.
    /// - Returns: nil when libvirt gives no files away: then QEMU runs as the daemon's user.
    init?(capabilities: String) {
        let models = capabilities.split(separator: "<secmodel>", omittingEmptySubsequences: false).dropFirst()
        guard let model = models.first(where: { $0.text(from: "<model>", to: "</model>") == "dac" }),
            let label = model.text(from: "<baselabel type='qemu'>", to: "</baselabel>")
                ?? model.text(from: "<baselabel type='kvm'>", to: "</baselabel>")
        else { return nil }
        // "+64055:+107": the sign says that these are numbers, not names.
        let parts = label.split(separator: ":").map { $0.hasPrefix("+") ? $0.dropFirst() : $0 }
        guard parts.count == 2, let user = uid_t(parts[0]), let group = gid_t(parts[1]) else { return nil }
        self.user = user
        self.group = group
    }
}

extension Substring {
    /// What stands between the first `start` and the next `end`.
    fileprivate func text(from start: String, to end: String) -> String? {
        let pieces = split(separator: start, maxSplits: 1, omittingEmptySubsequences: false)
        guard pieces.count == 2 else { return nil }
        let rest = pieces[1].split(separator: end, maxSplits: 1, omittingEmptySubsequences: false)
        return rest.count == 2 ? String(rest[0]) : nil
    }
}
