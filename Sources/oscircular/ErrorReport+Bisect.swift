import Boot

/// The messages for what goes wrong with a bisect.
extension ErrorReport {
    static func describe(_ error: BisectError) -> (Int32, String) {
        switch error {
        case .none(let system):
            (
                ExitStatus.notFound,
                "no bisect\(system.map { " of \(name($0))" } ?? "") has begun: 'oscircular bisect SYSTEM --good VERSION --bad VERSION' begins one"
            )
        case .several(let systems):
            (
                ExitStatus.usage,
                "bisects of \(systems.map(\.description).joined(separator: " and ")) are open: say which one, as "
                    + "CATALOG/DISTRO ('--of' with good, bad and skip)"
            )
        case .open(let system, let good, let bad):
            (
                ExitStatus.tryAgain,
                "a bisect of \(system) from \(good) to \(bad) is open: 'oscircular bisect \(system)' goes on with it, and "
                    + "'oscircular bisect reset \(system)' forgets it"
            )
        case .same(let version):
            (ExitStatus.usage, "\(version) cannot be both good and bad: give two versions")
        case .backwards(let good, let bad):
            (
                ExitStatus.usage,
                "the good version, \(good), is newer than the bad one, \(bad): a fault is looked for that came with a newer version. To find "
                    + "the version with which one went, let the test say the opposite, and exchange the two"
            )
        case .tooMany(let system, let most):
            (
                ExitStatus.usage,
                "\(system) has more than \(most) versions between the two: name two that are nearer to each other"
            )
        case .refused(let system, let refusal): (ExitStatus.usage, text(refusal, system))
        case .over(let system):
            (
                ExitStatus.notFound,
                "the bisect of \(system) has ended: 'oscircular bisect status' shows what it found, and a version's name behind good, "
                    + "bad or skip changes what was said of it"
            )
        case .busy(let system):
            (ExitStatus.tryAgain, "another command works on the bisect of \(system): try again when it has ended")
        case .damaged(let system, let path, let reason):
            (
                ExitStatus.malformed,
                "the bisect of \(system) cannot be read: \(path): \(reason). 'oscircular bisect reset \(system)' removes it"
            )
        case .newer(let system, let format):
            (
                ExitStatus.configuration,
                "the bisect of \(system) was written by a newer oscircular (its format is \(format), this program knows "
                    + "\(BisectRecord.currentFormat)): use that program, or 'oscircular bisect reset \(system)'"
            )
        case .test(let path, let reason): (ExitStatus.notFound, "the test '\(path)' cannot be used: \(reason)")
        case .goodUnreachable(let version, let reason):
            (
                ExitStatus.unavailable,
                "the test cannot be run even in \(version), which is good: \(reason). The guest must let the session's key in by "
                    + "ssh: see whether 'oscircular ssh' gets into it; slow machines need a longer --boot-timeout or --timeout"
            )
        case .goodFails(let version, let code):
            (
                ExitStatus.other,
                "the test says of \(version), which is good, what it says of the others (exit code \(code)): try it there with "
                    + "'oscircular ssh' first; 126 and 127 mean that the guest could not run it"
            )
        case .notUp(let version, let reason):
            (
                ExitStatus.unavailable,
                "\(version) could not be tried: \(reason). Go on with '--no-boot bad' if that is the fault, or '--no-boot skip'"
            )
        case .file(let error): describe(error)
        }
    }

    private static func name(_ system: BisectedSystem) -> String {
        system.catalog.isEmpty ? system.distribution : "\(system)"
    }

    private static func text(_ refusal: Bisection.Refusal, _ system: BisectedSystem) -> String {
        switch refusal {
        case .outside(let version):
            "\(version) is not one of the versions of \(system) that this bisect is about; 'oscircular bisect status' shows it"
        case .contradiction(let version, _, let other) where other == version:
            "\(version) was given when the bisect began, and stays what it is: 'oscircular bisect reset \(system)' begins anew"
        case .contradiction(let version, let verdict, let other):
            verdict == .good
                ? "\(version) cannot be good, because \(other), which is older, was said to be bad. If that was wrong, say "
                    + "'oscircular bisect good \(other)' first"
                : "\(version) cannot be bad, because \(other), which is newer, was said to be good. If that was wrong, say "
                    + "'oscircular bisect bad \(other)' first"
        }
    }
}
