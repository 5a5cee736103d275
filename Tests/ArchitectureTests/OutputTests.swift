import Foundation
import Testing

/// What the C library prints is lost without an error when the disk is full: programs have one way to standard output.
@Suite struct OutputTests {
    private static let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Sources")

    private static let names = [
        "print(", "debugPrint(", "dump(", "puts(", "fputs(", "putchar(", "printf(", "fwrite(", "exit(withError",
    ]

    @Test func nothingPrintsThroughTheCLibrary() throws {
        let enumerator = FileManager.default.enumerator(at: Self.sources, includingPropertiesForKeys: nil)
        var files = 0
        while let url = enumerator?.nextObject() as? URL {
            guard url.pathExtension == "swift" else { continue }
            files += 1
            let text = try String(contentsOf: url, encoding: .utf8)
            // A regular expression over every line would take half a minute.
            guard Self.names.contains(where: text.contains) else { continue }
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                // A method of that name is one of ours; argument-parser's `exit(withError:)` prints by itself.
                let isBare = Self.names.contains { name in
                    line.ranges(of: name).contains { found in
                        let before = line[..<found.lowerBound]
                        return before.last != "." && before.last?.isLetter != true && !before.hasSuffix("func ")
                    }
                }
                #expect(!isBare && !line.contains("exit(withError"), "\(url.lastPathComponent):\(number + 1): \(line)")
            }
        }
        #expect(files > 100)
    }
}
