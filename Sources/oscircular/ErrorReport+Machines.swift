import Boot
import Formats

/// The messages for what goes wrong with kept machines.
extension ErrorReport {
    static func describe(_ error: MachineError) -> (Int32, String) {
        switch error {
        case .invalidName(let name, let reason):
            (ExitStatus.usage, "'\(name)' is not a valid name for a machine or a snapshot: \(reason)")
        case .exists(let name):
            (
                ExitStatus.other,
                "there already is a machine called '\(name)': 'oscircular machines start \(name)' starts it. Choose another name for a new one"
            )
        case .noSuchMachine(let name, let names):
            (
                ExitStatus.notFound,
                "no machine is called '\(name)'\(near(names, otherwise: ".")) 'oscircular machines' shows all"
            )
        case .running(let name, let session):
            (
                ExitStatus.tryAgain,
                session.map {
                    "the machine \(name) runs as session \($0): 'oscircular console \($0)' shows it, 'oscircular stop \($0)' ends it"
                } ?? "a QEMU still has the disk of the machine \(name) open: try again when it has ended"
            )
        case .suspended(let name, let session):
            (
                ExitStatus.tryAgain,
                "the machine \(name) is suspended: 'oscircular resume \(session)' goes on with it, and then it can be shut down and changed. "
                    + "'oscircular machines start --cold \(name)' starts its disk as after a power cut, and throws its memory away"
            )
        case .busy(let name):
            (ExitStatus.tryAgain, "another command works on the machine \(name): try again when it has ended")
        case .damaged(let name, let path, let reason):
            (
                ExitStatus.malformed,
                "the machine \(name) cannot be used: \(path): \(reason). Nothing was removed; put the file back from a backup, or give "
                    + "the machine up with 'oscircular machines forget \(name)'"
            )
        case .newer(let name, let format):
            (
                ExitStatus.configuration,
                "the machine \(name) was written by a newer oscircular (its format is \(format), this program knows "
                    + "\(MachineRecord.currentFormat)): use that program"
            )
        case .noSuchSnapshot(let machine, let name, let names):
            (
                ExitStatus.notFound,
                "the machine \(machine) has no snapshot '\(name)'\(near(names, otherwise: ".")) "
                    + "'oscircular machines snapshot \(machine)' shows all"
            )
        case .snapshotExists(let machine, let name):
            (
                ExitStatus.other,
                "the machine \(machine) has a snapshot '\(name)' already: choose another name, or remove that one with "
                    + "'oscircular machines snapshot \(machine) \(name) --remove'"
            )
        case .tooManyLayers(let machine, let most):
            (
                ExitStatus.cannotWrite,
                "the disk of the machine \(machine) has \(most) layers, which is the most. It starts as ever, and 'oscircular machines "
                    + "export \(machine) FILE' writes all of it as one file. Going back to an older snapshot makes room for others, but "
                    + "what was written since is lost then"
            )
        case .tooSmall(let bytes, let least, let isImage):
            (
                ExitStatus.usage,
                isImage
                    ? "a disk of \(ByteCount.precise(bytes)) is smaller than its image: it must have at least \(least) bytes "
                        + "(\(ByteCount.precise(least)))"
                    : "a disk of \(ByteCount.precise(bytes)) is not larger than it is (\(least) bytes): a disk can only grow"
            )
        case .tooLarge(let bytes, let most):
            (
                ExitStatus.usage,
                "a disk of \(ByteCount.precise(bytes)) is too large: it can have \(ByteCount.precise(most)) at most"
            )
        case .baseChanged(let name, let version, let kept, let now):
            (
                ExitStatus.malformed,
                "the machine \(name) lies on \(version) as it was (\(kept)); not all of that is here, and under the same name there is another "
                    + "image now (\(now)), which it cannot go on with. It starts when the old one is offered again. Otherwise: boot the new "
                    + "one as another machine with 'oscircular boot \(version) --keep NEW', and give this one up with "
                    + "'oscircular machines forget \(name)'"
            )
        case .baseWrong(let name, let reason): (ExitStatus.malformed, "the machine \(name) does not start: \(reason)")
        case .unverified(let boot):
            (
                ExitStatus.notPermitted,
                "\(boot.fact); a machine is kept only of what has been verified. 'oscircular fetch "
                    + "\(boot.catalog)/\(boot.distribution)@\(boot.version)' fetches and verifies all of it; '--unverified' keeps it before"
            )
        case .fileExists(let path):
            (ExitStatus.cannotWrite, "\(path) exists: choose another name, or replace it with '--force'")
        case .toolFailed(let reason): (ExitStatus.unavailable, "qemu-img failed: \(reason)")
        case .missingProgram(let program, let package):
            (ExitStatus.unavailable, "\(program) is not installed: install the package \(package)")
        case .file(let error): describe(error)
        }
    }
}
