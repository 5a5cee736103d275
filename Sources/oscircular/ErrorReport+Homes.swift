import Boot
import Formats

/// The messages for what goes wrong with homes.
extension ErrorReport {
    static func describe(_ error: HomeError) -> (Int32, String) {
        switch error {
        case .noSuchHome(let name, let names):
            return (
                ExitStatus.notFound,
                "there is no home '\(name)'"
                    + (names.isEmpty
                        ? ": 'oscircular homes create \(name)' makes it"
                        : "; there are: \(names.map(\.text).joined(separator: ", "))")
            )
        case .lost(let name, true):
            return (
                ExitStatus.notFound,
                "the home '\(name)' is not there any more, but backups of it are: 'oscircular homes restore \(name)' brings back the latest"
            )
        case .lost(let name, false):
            return (
                ExitStatus.notFound,
                "the home '\(name)' is not there any more: 'oscircular homes create \(name)' makes an empty one in its place"
            )
        case .exists(let name):
            return (ExitStatus.cannotWrite, "there is a home '\(name)' already: choose another name")
        case .inUse(let name, let holder):
            let user =
                switch holder {
                case let id? where SessionID.isValid(id):
                    "session \(id) has it. 'oscircular stop \(id)' ends that guest"
                case let work? where !work.isEmpty:
                    "'oscircular \(work)' is at work on it. Try again when that has ended"
                default: "a guest has it that has not ended yet. Try again in a moment"
                }
            return (ExitStatus.tryAgain, "the home '\(name)' is in use: \(user)")
        case .suspended(let name, let session):
            return (
                ExitStatus.tryAgain,
                "the home '\(name)' is in use: session \(session) is suspended with it. 'oscircular resume \(session)' goes on with that "
                    + "guest; shut it down there, or 'oscircular stop --force \(session)' throws its memory away"
            )
        case .notOurs(let path, let reason): return (ExitStatus.notPermitted, "\(path) is not used: \(reason)")
        case .unusable(let name, let reason):
            return (
                ExitStatus.malformed,
                "no guest gets the home '\(name)': \(reason). 'oscircular homes check --repair \(name)' repairs what can be repaired, and "
                    + "'oscircular homes restore \(name)' goes back to a backup"
            )
        case .invalidSize(_, let allowed):
            return (
                ExitStatus.usage,
                "a home may have \(allowed.lowerBound >> 20) MiB to \(allowed.upperBound >> 40) TiB"
            )
        case .notSmaller(let name, let size, let wanted):
            return (
                ExitStatus.usage,
                "the home '\(name)' has \(size) bytes, and cannot become smaller or stay as it is (\(wanted) bytes): give a larger size"
            )
        case .noRoom(let name, let folder, let needed, let free):
            return (
                ExitStatus.cannotWrite,
                "there is no room for a copy of the home '\(name)': it takes \(ByteCount.text(needed)), and \(ByteCount.text(free)) may be "
                    + "used of the disk of \(folder). Remove what you do not need there, such as old backups ('oscircular homes forget "
                    + "\(name) --backup NAME')"
            )
        case .tooMuchToCopy(let name, let size):
            return (
                ExitStatus.cannotWrite,
                "so much (\(ByteCount.text(size))) is not copied before a start; 'oscircular homes backup \(name)' does it between guests"
            )
        case .noSuchBackup(let name, "", _):
            return (
                ExitStatus.notFound,
                "there is no backup of the home '\(name)': 'oscircular homes backup \(name)' makes one"
            )
        case .noSuchBackup(let name, let moment, let names):
            return (
                ExitStatus.notFound,
                "the home '\(name)' has no backup '\(moment)', or several that begin so"
                    + (names.isEmpty ? "" : "; there are: \(names.joined(separator: ", "))")
            )
        case .damaged(let name, let findings):
            return (
                ExitStatus.malformed,
                "the home '\(name)' has errors that could lose something when they are repaired: 'oscircular homes check --repair \(name)' does "
                    + "it, after a backup where there is room. e2fsck says: \(oneLine(findings))"
            )
        case .toolFailed(let program, let output):
            return (ExitStatus.unavailable, "\(program) failed: \(oneLine(output))")
        case .notAllowed(let question):
            return (
                ExitStatus.notPermitted,
                "\(question.fact). '--allow-home' gives it the home all the same"
            )
        case .sandbox(let cause): return describe(cause)
        case .file(let cause): return describe(cause)
        }
    }

    private static func oneLine(_ text: String) -> String {
        text.split(separator: "\n").map { $0.prefix(200) }.suffix(6).joined(separator: "; ")
    }
}
