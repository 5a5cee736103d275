import Catalog
import Linux

/// Where the builds of one distribution work, and where what they made waits: a folder of `--work`.
///
/// Each build writes into a folder of its own, which becomes `finished` by rename when the build has ended well, with a note of what
/// it was made for. So what a build left that failed, was killed or lost its machine is never used, nor what was made for another day
/// or changed since. `last.raw` is what was published last.
struct BuildFolder {
    /// What a build is for: the same order finds the same image again.
    struct Order: Equatable {
        let day: CalendarDate
        /// The tree that it is for, the program, and its arguments.
        let command: [String]
        /// The program's file as it is now, for one that was repaired builds again; empty where it is not known.
        var program = ""
    }

    /// An image that a build has finished.
    struct Finished {
        /// Of the image itself, whatever link the build left.
        let image: String
        /// What changed, as the build says; nil where it wrote nothing.
        let notes: String?
    }

    private let path: String
    private let lock: FileHandle
    private var finished: String { "\(path)/finished" }
    private var last: String { "\(path)/last.raw" }

    private static let image = "next.raw"
    private static let notes = "next.notes"
    private static let note = "made-for"
    private static let beginning = ".oscircular-building-"

    /// Makes the folder if it is missing, and keeps other runs out until ``unlock()``.
    /// - Throws: ``PublisherError``.
    init(path: String) throws(PublisherError) {
        self.path = ResolvedPath.absolute(path)
        try OutputFolder.make(self.path)
        lock = try StoreLock.take(self.path, exclusive: true)
    }

    func unlock() { lock.unlock() }

    /// What was published last; nil where there is none.
    var previous: String? { Paths.allows(.reading, last) ? last : nil }

    /// What was built for an order and is still as the build left it; nil where there is none.
    func made(for order: Order) throws(PublisherError) -> Finished? {
        guard let image = BuildFolder.place(of: "\(finished)/\(BuildFolder.image)"),
            let expected = BuildFolder.note(order, image),
            // Whatever is wrong with the note, the build is done again.
            let found = try? FileContents.read("\(finished)/\(BuildFolder.note)", limit: 1 << 20),
            found == expected
        else { return nil }
        return Finished(image: image, notes: readNotes())
    }

    /// Runs a build for an order. What other builds left is removed first.
    /// - Parameter build: makes the image at the path that it is given.
    /// - Throws: ``PublisherError``; of the image nothing is left then.
    func make(
        for order: Order, by program: String, _ build: (_ output: String) throws(PublisherError) -> Void
    ) throws(PublisherError) -> Finished {
        try clear()
        // A name that no process which an earlier build left behind knows.
        let folder = newFolder
        try OutputFolder.make(folder)
        do throws(PublisherError) {
            try build("\(folder)/\(BuildFolder.image)")
            try settle(folder, order, program)
            do { try Paths.rename(folder, to: finished) } catch { throw .unwritable(error) }
        } catch {
            // Whatever is left of it is never used as an image, and the next build removes it.
            try? Folder.removeTree(folder)
            throw error
        }
        guard let made = try made(for: order) else {
            throw .buildFailed(
                program: program, status: 0, message: "something is still writing to the image that it made")
        }
        return made
    }

    /// Keeps a published image for the next build.
    /// - Throws: ``PublisherError/unwritable(_:)``.
    func keep(_ made: Finished) throws(PublisherError) {
        do throws(SystemCallError) {
            if ResolvedPath.isInside(made.image, finished) {
                try Paths.rename(made.image, to: last)
            } else if made.image != ResolvedPath.resolve(last) {
                // The build left a link to somewhere else.
                try Paths.remove(last)
                try Paths.makeLink(last, to: made.image)
            }
        } catch {
            throw .unwritable(error)
        }
        do throws(SystemCallError) {
            try Paths.rename("\(finished)/\(BuildFolder.notes)", to: "\(path)/last.notes")
        } catch {
            // A build need not write any; those of an earlier one would be another version's, and are for people alone.
            _ = try? Paths.remove("\(path)/last.notes")
        }
        try discard()
    }

    /// Removes what a build finished: it cannot be published.
    /// - Throws: ``PublisherError``; a folder of that name which no build made stays.
    func discard() throws(PublisherError) {
        do throws(SystemCallError) {
            guard try Paths.isThere(finished) else { return }
            guard try Paths.isThere("\(finished)/\(BuildFolder.note)") else {
                throw SystemCallError(.fileExists, call: "rename", subject: "\(finished), which no build made,")
            }
            // An end half way must not leave a folder without its note.
            let old = newFolder
            try Paths.rename(finished, to: old)
            try Folder.removeTree(old)
        } catch {
            throw .unwritable(error)
        }
    }

    /// Where a build works, or where what one made is removed: a name that nobody else uses.
    private var newFolder: String {
        "\(path)/\(BuildFolder.beginning)\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    }

    private func clear() throws(PublisherError) {
        try discard()
        // From before builds had folders of their own, when it was not known whether they were complete.
        // Nothing takes them for anything any more.
        for name in [BuildFolder.image, BuildFolder.notes] { _ = try? Paths.remove("\(path)/\(name)") }
        for name in Folder.namesIfAny(in: path) where name.hasPrefix(BuildFolder.beginning) {
            // It only takes room: perhaps a build as root left it.
            try? Folder.removeTree("\(path)/\(name)")
        }
    }

    /// Looks at what a build left, and makes sure that it survives a power cut before its note says that it is complete.
    private func settle(_ folder: String, _ order: Order, _ program: String) throws(PublisherError) {
        let output = "\(folder)/\(BuildFolder.image)"
        func failed(_ message: String) -> PublisherError {
            .buildFailed(program: program, status: 0, message: message)
        }
        do throws(PublisherError) {
            _ = try ImageSource(path: output)
        } catch {
            guard case .image(_, let problem) = error else { throw error }
            switch problem {
            case .missing: throw failed("it did not create $OSCIRCULAR_OUTPUT")
            case .isDirectory: throw failed("it created a folder, not an image, at $OSCIRCULAR_OUTPUT")
            case .empty: throw failed("the image that it made has no bytes")
            case .isSpecial, .changed: throw failed("what it made is neither a file nor a block device")
            case .other(let what, let cure): throw failed("what it made is \(what): \(cure)")
            }
        }
        guard var image = BuildFolder.place(of: output) else { throw failed("it did not create $OSCIRCULAR_OUTPUT") }
        do throws(SystemCallError) {
            // The folder gets another name, and an absolute link to something in it would lead nowhere.
            let plain = "\(ResolvedPath.resolve(folder))/\(BuildFolder.image)"
            if image != plain, ResolvedPath.isInside(image, folder) {
                try Paths.rename(image, to: output)
                image = plain
            }
            let file = try FileHandle(image, for: .reading, .nonblocking)
            do throws(SystemCallError) { try file.sync() } catch {
                throw SystemCallError(code: error.code, call: error.call, subject: image)
            }
            guard let note = BuildFolder.note(order, image) else { throw SystemCallError.last("stat", image) }
            try AtomicFile.write(note, to: "\(folder)/\(BuildFolder.note)", durable: true)
        } catch {
            throw .unwritable(error)
        }
    }

    /// Where an image lies, at the end of all links; nil when there is none.
    private static func place(of output: String) -> String? {
        Paths.allows(.reading, output) ? ResolvedPath.resolve(output) : nil
    }

    /// What the note of an image says: what it was made for, and the file's size and time as the build left it.
    private static func note(_ order: Order, _ image: String) -> [UInt8]? {
        guard let state = state(of: image) else { return nil }
        let command = order.command.joined(separator: "\u{0}")
        return Array("\(order.day)\n\(state)\n\(order.program)\n\(command)\n".utf8)
    }

    /// A file's size and time; nil when there is none.
    static func state(of file: String) -> String? {
        // If it cannot be seen, what was built by it is built again.
        guard let status = try? Paths.status(file) else { return nil }
        let (seconds, rest) = status.modifiedNanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        return "\(status.size) \(seconds).\(rest)"
    }

    private func readNotes() -> String? {
        // Notes that cannot be read are not worth a week without a version; of long ones the beginning is enough.
        guard let file = try? FileHandle("\(finished)/\(BuildFolder.notes)", for: .reading, .nonblocking)
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        // As above.
        let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }) ?? 0
        let written = String(decoding: bytes[..<count], as: UTF8.self)
        var lines = written.split(whereSeparator: \.isNewline).joined(separator: "\n")
        // Readers refuse longer ones, and a build's list of packages is not worth a week without a version.
        if lines.utf8.count > CatalogDocument.longestText {
            let mark = "\n..."
            lines = String(
                decoding: lines.utf8.prefix(CatalogDocument.longestText - mark.utf8.count - 3), as: UTF8.self)
            while lines.last == "\u{FFFD}" { lines.removeLast() }
            lines += mark
        }
        return lines.isEmpty ? nil : lines
    }
}
