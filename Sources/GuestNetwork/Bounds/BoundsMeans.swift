import Linux

/// How a session is bounded.
enum BoundsMeans {
    /// The group is not known before the scope is made around its first process, and never where the kernel has version 1.
    case scope(SystemdScope, ControlGroup?, isMade: Bool)
    case group(ControlGroup)
    case processes

    /// The control group; nil where there is none, or none yet.
    var group: ControlGroup? {
        switch self {
        case .group(let group), .scope(_, let group?, _): group
        case .scope, .processes: nil
        }
    }

    /// The best that this machine has.
    /// - Parameters:
    ///   - name: of scope or group: nobody else's.
    ///   - record: where a group of our own is written down; nil for none.
    ///   - report: hears why a better bound is not used.
    static func best(
        name: String, record: String?, _ limits: ControlGroup.Limits, _ report: (String) -> Void
    ) -> BoundsMeans {
        scope(name, limits, report) ?? ownGroup(name, record, limits, report)
    }

    /// Tried with a program that ends at once: a manager that refuses is to be known before it matters.
    private static func scope(
        _ name: String, _ limits: ControlGroup.Limits, _ report: (String) -> Void
    ) -> BoundsMeans? {
        guard let scope = SystemdScope.current(name: name), let trial = SystemdScope.current(name: "\(name)-trial")
        else {
            return nil
        }
        do {
            try ChildProcess.held("/bin/true", []) { _ = try trial.start($0, limits) }.wait()
            return .scope(scope, nil, isMade: false)
        } catch {
            report(words(of: error))
            return nil
        }
    }

    private static func ownGroup(
        _ name: String, _ record: String?, _ limits: ControlGroup.Limits, _ report: (String) -> Void
    ) -> BoundsMeans {
        var reason = "there are no control groups for memory and processes"
        if let record, let group = ControlGroup(name: name, in: .current()) {
            do throws(SystemCallError) {
                // First, so that there is no moment in which nobody knows of it.
                try AtomicFile.write(group.text, to: record, mode: 0o600)
                try group.create(limits)
                return .group(group)
            } catch {
                Paths.removeIfPossible(record)
                reason = "\(error)"
            }
        }
        report("what the guest's logins use is bounded for each process only, and not for the session: \(reason)")
        return .processes
    }
}
