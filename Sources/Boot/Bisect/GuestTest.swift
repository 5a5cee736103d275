import Formats
import Linux

/// A program of the user's that says in a guest whether its version is good: 0 for good, 125 where it cannot tell, anything else for bad.
package struct GuestTest: Sendable, Equatable {
    /// Bytes of the program.
    package static let longest = 16 << 20
    /// The code with which a test says that it cannot tell.
    package static let skipCode: Int32 = 125

    package let contents: [UInt8]

    /// Reads the program.
    /// - Throws: ``BisectError/test(_:reason:)``.
    package init(path: String) throws(BisectError) {
        do {
            // A pipe would be waited for.
            let file = try FileHandle(path, for: .reading, .nonblocking)
            let status = try file.status()
            guard status.kind == .regular else { throw BisectError.test(path, reason: "it is not a file") }
            guard status.size > 0 else { throw BisectError.test(path, reason: "it is empty") }
            guard status.size <= GuestTest.longest else {
                throw BisectError.test(
                    path,
                    reason:
                        "it has \(ByteCount.text(UInt64(status.size))), and \(ByteCount.text(UInt64(GuestTest.longest))) is the most"
                )
            }
            guard status.permissions & 0o111 != 0 else {
                throw BisectError.test(path, reason: "it is not executable: 'chmod +x \(path)' makes it so")
            }
            contents = try file.bytes(status.size)
        } catch let error as BisectError {
            throw error
        } catch let error as SystemCallError {
            throw .test(path, reason: error.isAbsent ? "there is no such file" : "\(error)")
        } catch {
            throw .test(path, reason: "it cannot be read")
        }
    }

    // MARK: In the guest

    /// A word that no output of a test has by chance.
    static func token() -> String {
        "oscircular-\(String(UInt64.random(in: 0 ... .max), radix: 36))\(String(UInt64.random(in: 0 ... .max), radix: 36))"
    }

    /// Takes the program from standard input to the first folder in which programs may run, and says which one that is: `TOKEN BYTES FOLDER`.
    ///
    /// One line, as csh wants it: that may be the shell of whom ssh logs in as.
    static func copying(_ token: String) -> String {
        [
            #"for place in "${TMPDIR:-/tmp}" "$HOME" /var/tmp /run; do"#,
            #"folder=$place/oscircular-bisect; rm -rf "$folder" 2> /dev/null;"#,
            ##"if mkdir -m 700 "$folder" 2> /dev/null && printf "#!/bin/sh\\n" > "$folder/test" && chmod 700 "$folder/test""##,
            #"&& "$folder/test" 2> /dev/null; then break; fi; folder=; done;"#,
            #"[ -n "$folder" ] || { echo "no folder where a program may be written and run" >&2; exit 1; };"#,
            #"cat > "$folder/test" || exit 1;"#, "echo \"\(token) $(wc -c < \"$folder/test\") $folder\"",
        ].joined(separator: " ")
    }

    /// Runs what was copied, and says how it ended: `TOKEN CODE` in a line of its own. One line, as above.
    static func running(in folder: String, _ token: String, environment: [(String, String)]) -> String {
        let variables = environment.map { "\($0.0)=\(ShellQuote.quote($0.1)); export \($0.0); " }.joined()
        return variables + "cd \(ShellQuote.quote(folder)) || exit 1; ./test < /dev/null 2>&1; code=$?; "
            + #"printf "\\n%s %s\\n" \#(token) "$code""#
    }

    /// What ``copying(_:)`` has said: the folder; nil where it has not, or the program is not whole.
    func folder(in output: String, _ token: String) -> String? {
        guard let line = GuestTest.line(after: token, in: output) else { return nil }
        let words = line.split(separator: " ", omittingEmptySubsequences: true)
        guard let first = words.first, Int(first) == contents.count else { return nil }
        let folder = line.drop { $0 == " " }.dropFirst(first.count).drop { $0 == " " }
        return folder.hasPrefix("/") ? String(folder) : nil
    }

    /// The rest of the line that begins with the word.
    static func line(after token: String, in output: String) -> Substring? {
        output.split(separator: "\n").last { $0.hasPrefix("\(token) ") }.map { $0.dropFirst(token.count + 1) }
    }
}
