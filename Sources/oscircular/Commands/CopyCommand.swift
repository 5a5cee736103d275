import ArgumentParser
import Boot
import Formats
import Linux
import SFTP
import Synchronization

/// `oscircular copy FROM TO`.
struct CopyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "copy", abstract: "Copy files into a running guest, or out of it.",
        discussion: """
            One of both is in the guest: ID:PATH, where ID is the session as 'oscircular sessions' shows it, and PATH begins at
            the login's home unless it begins with '/'. A path of this host with a colon in it is written as ./PATH. From a
            guest no link is followed, and names with control characters are refused.
            """)

    @Argument(help: "What is copied: PATH, or ID:PATH.") var from: String
    @Argument(help: "Where to: PATH, or ID:PATH; a folder, or the copy's own path.") var to: String
    @Flag(name: [.short, .long], help: "Folders, with all that is in them.") var recursive = false
    @Flag(name: [.short, .long], help: "Overwrite files that are there.") var force = false

    func validate() throws {
        switch (GuestPath(from), GuestPath(to)) {
        case (nil, nil): throw ValidationError("one of the two is in a guest, written as ID:PATH")
        case (.some, .some): throw ValidationError("only one of the two can be in a guest: copy to this host first")
        case (let source?, nil) where source.path.isEmpty:
            throw ValidationError("'\(from)' names no file: write ID:PATH, such as \(source.session):notes.txt")
        default: break
        }
    }

    func run() async throws {
        guard let place = GuestPath(from) ?? GuestPath(to) else { return }
        let directory = try CommandContext.load().session(place.session)
        try await SSHCommand.waitForHome(directory)
        let cancel = try EventDescriptor()
        let asked = Atomic(false)
        Interruption.handle { signal in
            // Who asks twice does not want to wait for what is taken back.
            if asked.exchange(true, ordering: .relaxed) { CurrentProcess.endNow(signal.exitCode) }
            cancel.signal()
        }
        let options = CopyOptions(isRecursive: recursive, overwrites: force)
        let (from, to) = (from, to)
        try await WorkerThread.run(name: "copy") {
            let report = CopyReport()
            defer { report.end() }
            let login = try SFTPLogin(directory, cancel: cancel)
            defer { login.end() }
            let server = try login.connect()
            if let source = GuestPath(from) {
                try Download(server, options) { report.take($0) }.copy(source.path, to: to)
            } else {
                try Upload(server, options) { report.take($0) }.copy(from, to: place.path)
            }
        }
    }
}

/// A path in a guest: `ID:PATH`.
struct GuestPath: Equatable {
    let session: String
    let path: String

    /// nil for a path of this host: what has no colon, or a slash before it.
    init?(_ text: String) {
        guard let colon = text.firstIndex(of: ":") else { return nil }
        let id = text[..<colon]
        guard !id.isEmpty, !id.contains("/") else { return nil }
        session = String(id)
        path = String(text[text.index(after: colon)...])
    }
}

/// What the user sees of a copy.
private final class CopyReport {
    private let progress = TransferProgress(phase: "copying")
    private var lines = 0
    /// More lines say nothing new.
    private static let mostLines = 100

    func take(_ event: CopyEvent) {
        switch event {
        case .progress(let done, let total): progress.update(done: done, total: total)
        case .leftOut(let path, let reason): say("not copied: \(path): \(reason)")
        case .note(let text): say(text)
        }
    }

    private func say(_ text: String) {
        lines += 1
        if lines <= Self.mostLines { Terminal.note(Terminal.clean(text)) }
        if lines == Self.mostLines { Terminal.note("what else is left out is counted only") }
    }

    func end() { progress.end() }
}

/// A login in a guest that speaks sftp.
private final class SFTPLogin {
    private let ssh: ChildProcess
    private var ending: ChildProcess.Ending?
    private let (output, input): (FileHandle, FileHandle)
    private let errors: FileHandle
    private let cancel: EventDescriptor

    init(_ directory: SessionDirectory, cancel: EventDescriptor) throws {
        self.cancel = cancel
        let (fromGuest, toGuest, said) = (try Pipe(), try Pipe(), try Pipe())
        try said.reading.makeNonblocking()
        let arguments =
            ["-s", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=15"]
            + GuestSSH.arguments(to: directory, as: directory.loginUser, program: CommandContext.program) + ["sftp"]
        do throws(SystemCallError) {
            // In a session of its own: a terminal's Ctrl-C is for the copy, which takes back what it has begun.
            ssh = try ChildProcess(
                "ssh", arguments, environment: nil, standardInput: toGuest.reading.descriptor,
                standardOutput: fromGuest.writing.descriptor, standardError: said.writing.descriptor, session: .own)
        } catch {
            guard error.number == .noSuchFile else { throw error }
            throw BootError.missingProgram("ssh", package: "openssh-client")
        }
        (output, input, errors) = (fromGuest.reading, toGuest.writing, said.reading)
    }

    /// - Throws: ``SFTPError``: what is missing in the guest.
    func connect() throws -> SFTPConnection {
        do throws(SFTPError) {
            return try SFTPConnection(reading: output, writing: input, cancel: cancel)
        } catch {
            guard error == .ended else { throw error }
            var sources = [PollSource(ssh.descriptor)]
            // Without memory for the wait it is looked at once.
            _ = try? PollSource.wait(for: &sources, milliseconds: 5000)
            ending = ssh.reap()
            // Ssh ends with the same code where the guest's server knows no sftp; only its words tell.
            let words = words
            let isLogin = ending == .exited(255) && !words.contains("subsystem request failed")
            throw isLogin ? SFTPError.noLogin(words) : SFTPError.noServer
        }
    }

    /// The last line that ssh wrote.
    private var words: String {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 16) { buffer in
            // What cannot be read is not said.
            guard case .bytes(let count)? = try? errors.receive(into: buffer) else { return "" }
            let lines = String(decoding: buffer[..<count], as: UTF8.self).split(whereSeparator: \.isNewline)
            return lines.last.map(String.init) ?? ""
        }
    }

    func end() {
        guard ending == nil else { return }
        ssh.send(.terminate)
        ending = ssh.wait()
    }
}
