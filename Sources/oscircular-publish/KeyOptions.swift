import ArgumentParser
import Linux
import Publisher

/// Where the publisher's private keys are.
struct KeyOptions: ParsableArguments {
    @Option(help: "The folder with your private keys; OSCIRCULAR_KEYS or else a folder in your state by default.")
    var keys: String?

    /// - Throws: ``PublisherError/keysInTree(folder:tree:)`` when the folder lies in what is published.
    func signingKeys(for tree: String) throws(PublisherError) -> SigningKeys {
        let variable = Environment.value("OSCIRCULAR_KEYS")
        let keys = SigningKeys(
            folder: keys ?? variable ?? SigningKeys.usualFolder, passphrase: Passphrase.given)
        try keys.check(outside: tree)
        return keys
    }
}

/// For commands that sign.
struct ClockOptions: ParsableArguments {
    @Flag(
        help:
            "Sign even if this machine's clock is behind the tree's last signature, because the clock that signed it ran ahead."
    )
    var trustClock = false
}

extension KeyOptions {
    /// The tree, with its keys.
    /// - Throws: ``PublisherError``.
    func open(_ path: String, _ clock: ClockOptions) throws(PublisherError) -> PublishedTree {
        var tree = try PublishedTree(path: path, keys: try signingKeys(for: path))
        tree.trustsClock = clock.trustClock
        return tree
    }
}

/// Passphrases of private keys: from the environment, a file, or the terminal; never from the command line.
enum Passphrase {
    /// For a key that is there.
    static let given: SigningKeys.Passphrase = { (key: String) throws(PublisherError) -> String? in
        try known.get() ?? ask("Passphrase of \(key): ")
    }

    /// For a key that is made, asked twice. An empty one would be known to everybody.
    static func new() throws -> String {
        if let known = try known.get() {
            guard !known.isEmpty else {
                let isVariable = Environment.text("OSCIRCULAR_PASSPHRASE_FILE") == nil
                throw PublisherError.usage(
                    option: isVariable ? "OSCIRCULAR_PASSPHRASE" : "OSCIRCULAR_PASSPHRASE_FILE",
                    reason: isVariable ? "it is set, but empty" : "the first line of the file is empty")
            }
            return known
        }
        guard let first = ask("New passphrase: "), let second = ask("Repeat it: ") else {
            throw ValidationError("--encrypt needs a terminal, OSCIRCULAR_PASSPHRASE or OSCIRCULAR_PASSPHRASE_FILE")
        }
        guard first == second, !first.isEmpty else { throw ValidationError("the passphrases differ, or are empty") }
        return first
    }

    /// Read once: the file may be a pipe, and several keys may want it.
    private static let known: Result<String?, PublisherError> = {
        let value = Environment.text("OSCIRCULAR_PASSPHRASE")
        if let value, !value.isEmpty { return .success(value) }
        guard let path = Environment.text("OSCIRCULAR_PASSPHRASE_FILE") else {
            return .success(value)
        }
        if path.isEmpty {
            return .failure(.usage(option: "OSCIRCULAR_PASSPHRASE_FILE", reason: "it is set, but names no file"))
        }
        do throws(SystemCallError) {
            return .success(try FileText.firstLine(of: path))
        } catch {
            return .failure(.unreadable(SystemCallError(code: error.code, call: error.call, subject: path)))
        }
    }()

    private static func ask(_ question: String) -> String? {
        TerminalDevice.isTerminal(StandardDescriptor.input) ? TerminalDevice.askSecretly(question) : nil
    }
}

/// Small text files of the user's.
enum FileText {
    /// Without its end, be that LF or CRLF, and without the mark that some editors put before UTF-8.
    /// - Throws: ``SystemCallError``.
    static func firstLine(of path: String) throws(SystemCallError) -> String {
        var text = try FileContents.readText(path, limit: 65_536)
        if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
        return String(text.prefix { !$0.isNewline })
    }
}
