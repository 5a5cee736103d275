import ArgumentParser
import Catalog
import Curl
import Linux
import Publisher

/// The one place where an error becomes a message on standard error (what failed - why - what to do) and an exit code.
struct ErrorReport {
    let code: Int32
    let what: String
    let why: String
    /// Empty where there is nothing to be done.
    let advice: String

    /// Prints the error and ends the program.
    static func end(_ error: any Error) -> Never {
        // Otherwise it is argument-parser's own: help, version and usage (64).
        guard let report = ErrorReport(any: error) else { endOfParsing(error) }
        Console.error("oscircular-publish: \(report.text)")
        MainProgram.end(report.code, name: "oscircular-publish")
    }

    // The parser's own way out prints through the C library, which loses the errors.
    private static func endOfParsing(_ error: any Error) -> Never {
        let code = PublishCommand.exitCode(for: error).rawValue
        let text = PublishCommand.fullMessage(for: error)
        if !text.isEmpty { code == 0 ? Console.print(text) : Console.error(text) }
        MainProgram.end(code, name: "oscircular-publish")
    }

    /// Nil for an error that is not ours.
    init?(any error: any Error) {
        switch error {
        case let error as PublisherError: self.init(error)
        case let error as MirrorError: self.init(error)
        case let error as SystemCallError: self.init(reading: error)
        case let error as VerificationFailed:
            self.init(
                65, "the tree is damaged", "\(error.problems) problem\(error.problems == 1 ? "" : "s"), listed above",
                "replace them from another copy of the tree with --repair, or remove them and publish their versions again"
            )
        default: return nil
        }
    }

    /// The line without the program's name.
    var text: String {
        ErrorReport.harmless([what, why, advice].filter { !$0.isEmpty }.joined(separator: " - "))
    }

    /// A text without control characters: what others wrote must not steer a terminal.
    static func harmless(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "·" : $0 }))
    }

    init(_ code: Int32, _ what: String, _ why: String, _ advice: String = "") {
        self.code = code
        self.what = what
        self.why = why
        self.advice = advice
    }

    init(_ error: PublisherError) {
        switch error {
        case .image(let path, let problem): self.init(path: path, problem)
        case .unreadable(let cause): self.init(reading: cause)
        case .unwritable(let cause): self.init(writing: cause)
        case .usage(let option, let reason):
            self.init(64, "invalid value for \(option)", reason, "see oscircular-publish(1)")
        case .programMissing(let program):
            let package = ["qemu-img": "qemu-utils", "xz": "xz-utils"][program] ?? program
            let isConversion = program == "qemu-img"
            self.init(
                69, "the image cannot be \(isConversion ? "converted" : "unpacked")", "\(program) is not installed",
                "install \(package), or give a raw image")
        case .programFailed(let program, let status, let message):
            let isConversion = program == "qemu-img"
            self.init(
                65, "the image cannot be \(isConversion ? "converted" : "unpacked")",
                "\(program) ended with \(status): \(message)",
                isConversion ? "check the image with qemu-img check" : "check the image, or fetch it again")
        case .download(let cause): self.init(downloading: cause)
        case .digest(let url, let reason):
            self.init(
                65, "\(url) was not published", reason,
                "say where the list is with --sums, or give --sums none to publish without a check")
        case .unverified(let url, let reason):
            self.init(65, "the image was not published", "\(url) is not verified: \(reason)")
        case .otherDigest(let url, let found, let listed):
            self.init(
                65, "\(url) was not published", "its digest is \(found), the list says \(listed)",
                "fetch it again; if that does not help, ask its publisher")
        case .recipe(let file, let key, let reason):
            self.init(
                78, "\(file) cannot be used", key.isEmpty ? reason : "\(key) \(reason)", "see oscircular-publish(1)")
        case .buildFailed(let program, let status, let message):
            self.init(
                1, "no image was built", "\(program) ended with \(status): \(message)", "run it by hand to see more")
        case .unchanged(let distribution, let version):
            self.init(1, "\(distribution) was not added", "the image is that of \(version)", "nothing needs to be done")
        case .interrupted(let signal):
            self.init(128 + signal, "stopped", "by a signal", "run it again to continue where it stopped")
        case .notATree(let path, let reason):
            self.init(66, "\(path) is not a published tree", reason, "make one with oscircular-publish init")
        case .notEmpty(let path, let names):
            let some = names.sorted().prefix(3).map(\.debugDescription).joined(separator: ", ")
            self.init(
                73, "no tree was made in \(path)", "the folder holds other things: \(some)",
                "choose a new or empty folder")
        case .busy(let path):
            self.init(
                75, "\(path) was not changed", "another oscircular-publish is working on it",
                "try again when it has finished")
        case .versionExists(let distribution, let version):
            self.init(
                73, "\(distribution)@\(version) was not added", "the catalog already has that version",
                "versions never change: use the next number, such as \(version.date).\(version.number + 1)")
        case .catalog(let path, let cause):
            self.init(65, "\(path) cannot be used", "\(cause)", "repair it, or restore it from a copy of the tree")
        case .catalogRefused(let cause): self.init(refused: cause)
        case .indexTooLong(let image, let length, let limit, let blockSize):
            self.init(
                65, "\(image) was not published",
                "its index would have \(length) bytes, and readers accept at most \(limit)",
                blockSize.map { "use larger blocks: --block-size \($0)" }
                    ?? "the image is too large for any block size")
        case .index(let path, let cause):
            self.init(65, "\(path) cannot be used", "\(cause)", "publish the version again")
        case .key(let path, let reason):
            self.init(77, "\(path) cannot sign", reason, "see 'oscircular-publish key list' and --keys")
        case .keysInTree(let folder, let tree):
            self.init(
                64, "\(folder) must not hold private keys", "it lies inside \(tree), which is published",
                "give another folder with --keys or OSCIRCULAR_KEYS; a key that was there must be replaced")
        case .keyMissing(let roles):
            self.init(
                77, "nothing was published", "the private key of \(roles.joined(separator: ", ")) is missing",
                "give its folder with --keys")
        case .changeWaits(let tree, let roles):
            self.init(
                77, "nothing was published yet",
                "the private key of \(roles.joined(separator: ", ")) is missing, so the change waits as a draft in "
                    + ErrorReport.drafts(tree, roles),
                "run 'oscircular-publish key sign \(tree) --keys FOLDER' where the key is")
        case .earlierChangeWaits(let tree, let roles):
            self.init(
                77, "nothing was published",
                "an earlier change waits as a draft in \(ErrorReport.drafts(tree, roles))",
                "publish that first with 'oscircular-publish key sign \(tree) --keys FOLDER', or drop it: remove what is in "
                    + "\(tree)/drafts")
        case .metadata(let reason):
            self.init(65, "the tree's signed metadata cannot be used", reason, "restore it from a copy of the tree")
        case .refused(let reason): self.init(65, "the tree was not changed", reason)
        case .noSuchVersion(let distribution, let version):
            self.init(
                66, "the tree has no \(distribution)@\(version)", "nothing of that name was added",
                "see oscircular-publish stats")
        case .clock(let expired):
            self.init(
                75, "nothing was removed", "the tree's timestamp expired on \(expired) by this machine's clock",
                "check the clock, then renew the timestamp with 'oscircular-publish timestamp'")
        case .clockBehind(let now, let signed?):
            self.init(
                75, "nothing was signed",
                "this machine's clock says \(now), and the tree was signed on \(signed)",
                "set the clock; if it is right and the earlier one ran ahead, use --trust-clock")
        case .clockBehind(let now, nil):
            self.init(
                75, "nothing was signed", "this machine's clock says \(now): it was never set",
                "set the clock; readers refuse what is signed in the past")
        case .ahead(let day, let today):
            self.init(
                64, "nothing was published", "\(day) lies in the future: this machine's clock says \(today)",
                "check the day, and the clock; if both are right, use --allow-future")
        case .withdrawn(let distribution, let version):
            self.init(
                73, "\(distribution)@\(version.id) is not available", "it was \(version.words)",
                "its name cannot be used again: publish the corrected image as another version, such as \(version.id.date).\(version.id.number + 1)"
            )
        case .recordingFailed(let reason):
            self.init(
                69, "the start was not recorded", reason,
                "the version stays published without a boot set; 'oscircular doctor' says what booting needs here")
        case .warmFailed(let reason):
            self.init(
                69, "no warm state was published", reason,
                "the version stays published, and boots; 'oscircular doctor' says what booting needs here")
        case .damagedBlock(let path, let reason):
            self.init(
                65, "\(path) cannot be used", reason, "restore it from another copy of the store, and run it again")
        case .tables(let folder, let problems):
            let rest = problems.count > 3 ? " (and \(problems.count - 3) more)" : ""
            self.init(
                65, "the tables of \(folder) were not published",
                "readers would refuse them: " + problems.prefix(3).joined(separator: "; ") + rest,
                "see oscircular-vendors(5)")
        case .compression(let reason): self.init(1, "a block was not compressed", reason)
        }
    }

    /// A catalog that readers would refuse: what in it, and not where in its file.
    private init(refused cause: CatalogError) {
        let (code, what): (Int32, String) = (65, "nothing was published")
        guard case .malformed(let place, let reason) = cause else {
            self.init(
                code, what, "readers would refuse the catalog: \(cause)",
                "remove old versions with 'oscircular-publish prune', or use shorter texts")
            return
        }
        let texts = [
            "name": "its name", "description": "its description", "title": "the title", "summary": "the summary",
            "homepage": "the home page", "architecture": "the architecture", "login": "the text about the login",
            "notes": "the notes", "why": "the reason for a withdrawal", "origin": "an image's URL",
            "recordingError": "the message of a failed recording", "warm": "the warm states of a version",
        ]
        let others = [
            "versions": "the versions of a distribution", "distributions": "the distributions",
            "withdrawn": "the withdrawn versions of a distribution", "memoryMiB": "the memory",
            "cpus": "the processors",
        ]
        let last = String(place.split(separator: ".").last?.prefix { $0 != "[" } ?? "")
        let subject = texts[last] ?? others[last]
        self.init(
            code, what, "readers would refuse the catalog: \(subject.map { "\($0): " } ?? "")\(reason)",
            texts[last] != nil
                ? "make it shorter"
                : last == "versions" ? "remove old ones with 'oscircular-publish prune'" : "check what was given")
    }

    private init(downloading cause: TransferError) {
        switch cause {
        case .notFound(let url): self.init(66, "\(url) was not fetched", "the server has no such file", "check the URL")
        case .http(let url, let status, _):
            self.init(69, "\(url) was not fetched", "the server answered \(status)", "try again later")
        case .tooLarge(let url, let limit):
            self.init(65, "\(url) was not fetched", "it is longer than \(limit) bytes", "check the URL")
        case .connection(let url, _, let message):
            self.init(69, "\(url) was not fetched", message, "check the network, or try again later")
        case .unsupported(let url, let message), .refused(let url, let message):
            self.init(69, "\(url) was not fetched", message, "check the URL and the server's certificate")
        case .cancelled: self.init(1, "nothing was fetched", "the transfer was cancelled")
        }
    }

    private init(path: String, _ problem: PublisherError.ImageProblem) {
        let what = "\(path) was not published"
        switch problem {
        case .missing: self.init(66, what, "there is no such image", "check the path")
        case .isDirectory: self.init(66, what, "it is a folder", "give a raw disk, an ISO or a block device")
        case .isSpecial:
            self.init(66, what, "it is neither a file nor a block device", "give a raw disk, an ISO or a block device")
        case .empty: self.init(65, what, "the image has no bytes", "check how it was made")
        case .other(let kind, let cure): self.init(65, what, "it is \(kind)", cure)
        case .changed:
            self.init(75, what, "the image changed while it was read", "stop what writes to it, or publish a copy")
        }
    }

    private static func drafts(_ tree: String, _ roles: [String]) -> String {
        // Snapshot and timestamp are made when all else is signed: what waits for their keys are the others' drafts.
        if roles.contains(where: ["snapshot", "timestamp"].contains) { return "\(tree)/drafts" }
        return roles.map { "\(tree)/drafts/\($0).json" }.joined(separator: ", ")
    }

    /// A limit of the machine or of this session, whatever was being done; nil for everything else.
    private init?(limit cause: SystemCallError) {
        let what = "the work could not be done"
        switch (cause.call, cause.number) {
        case ("pthread_create", _), ("posix_spawn", .wouldBlock), ("posix_spawn", .outOfMemory):
            self.init(
                75, what, "no thread or program could be started: \(cause.message)",
                "raise the limits of processes and memory (ulimit -u, ulimit -v), or end other programs")
        case (_, .tooManyOpenFiles), (_, .tooManyOpenFilesOfAll):
            self.init(75, what, "\(cause.message): \(cause.subject)", "raise the limit of open files (ulimit -n)")
        case (_, .outOfMemory):
            self.init(75, what, "\(cause.call): \(cause.message)", "free memory, or raise its limit (ulimit -v)")
        default: return nil
        }
    }

    private init(reading cause: SystemCallError) {
        if let report = ErrorReport(limit: cause) {
            self = report
            return
        }
        let what = cause.subject.isEmpty ? "a file cannot be read" : "\(cause.subject) cannot be read"
        switch cause.number {
        case .noSuchFile, .notAFolder: self.init(66, what, cause.message, "check the path")
        case .accessDenied, .notPermitted: self.init(77, what, cause.message, "check its owner and mode")
        case .fileTooLarge:
            self.init(65, what, "it is longer than such a file can be", "check that it is the right one")
        case .isAFolder: self.init(66, what, "it is a folder", "check the path")
        default: self.init(1, what, "\(cause.call): \(cause.message)", "check the disk it lies on")
        }
    }

    private init(writing cause: SystemCallError) {
        if let report = ErrorReport(limit: cause) {
            self = report
            return
        }
        let what = cause.subject.isEmpty ? "a file cannot be written" : "\(cause.subject) cannot be written"
        switch cause.number {
        case _ where cause.subject == Environment.noHome || cause.subject.hasPrefix(Environment.noHome + "/"):
            self.init(77, what, cause.message, "this user has no home: set HOME, or OSCIRCULAR_KEYS")
        case .noSpace, .quotaExceeded:
            self.init(
                73, what, cause.message,
                "make room and run it again: blocks that are stored already are not written again")
        case .accessDenied, .notPermitted: self.init(77, what, cause.message, "check the folder's owner and mode")
        case .noSuchFile: self.init(73, what, cause.message, "create the folder first")
        case .fileTooLarge:
            self.init(73, what, cause.message, "raise the limit of a file's size (ulimit -f), or choose another disk")
        default: self.init(73, what, "\(cause.call): \(cause.message)", "choose another place")
        }
    }
}

/// `verify` found something; the problems themselves are printed already.
struct VerificationFailed: Error {
    let problems: Int
}
