import ArgumentParser
import Glibc
import Publisher

/// Where the publisher's private keys are.
struct KeyOptions: ParsableArguments {
    @Option(help: "The folder with your private keys; OSCIRCULAR_KEYS, else a folder of your state.")
    var keys: String?

    /// - Throws: argument-parser's error when the folder lies in what is published.
    func signingKeys(for tree: String) throws -> SigningKeys {
        let variable = getenv("OSCIRCULAR_KEYS").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        let folder = keys ?? variable ?? SigningKeys.usualFolder
        guard !KeyOptions.isInside(folder, tree) else {
            throw ValidationError("\(folder) lies inside \(tree): private keys would be published")
        }
        return SigningKeys(folder: folder, passphrase: Passphrase.given)
    }

    private static func isInside(_ folder: String, _ tree: String) -> Bool {
        func components(_ path: String) -> [Substring] {
            let resolved = realpath(path, nil)
            defer { free(resolved) }
            return (resolved.map { String(cString: $0) } ?? path).split(separator: "/")
        }
        let (inner, outer) = (components(folder), components(tree))
        return !outer.isEmpty && inner.starts(with: outer)
    }
}

/// Passphrases of private keys: from the environment, a file, or the terminal; never from the command line.
enum Passphrase {
    /// For a key that is there.
    static let given: @Sendable (String) -> String? = { key in known ?? ask("Passphrase of \(key): ") }

    /// For a key that is made, asked twice; nil when there is nobody to ask.
    static func new() throws -> String {
        if let known { return known }
        guard let first = ask("New passphrase: "), let second = ask("Once more: ") else {
            throw ValidationError("--encrypt needs a terminal, OSCIRCULAR_PASSPHRASE or OSCIRCULAR_PASSPHRASE_FILE")
        }
        guard first == second, !first.isEmpty else { throw ValidationError("the passphrases differ, or are empty") }
        return first
    }

    private static var known: String? {
        if let value = getenv("OSCIRCULAR_PASSPHRASE") { return String(cString: value) }
        guard let path = getenv("OSCIRCULAR_PASSPHRASE_FILE") else { return nil }
        guard let text = try? FileText.firstLine(of: String(cString: path)) else { return nil }
        return text
    }

    private static func ask(_ question: String) -> String? {
        guard isatty(0) == 1, let answer = getpass(question) else { return nil }
        return String(cString: answer)
    }
}
