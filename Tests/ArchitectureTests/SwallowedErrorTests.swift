import Foundation
import Testing

/// `try?` drops an error. Each says in a comment, on its line or above, why the error may be lost.
@Suite struct SwallowedErrorTests {
    /// The lines of a text with a `try?` and no reason.
    static func unexplained(in text: String) -> [Int] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var isExplained = false
        var found: [Int] = []
        for (number, line) in lines.enumerated() {
            let code = code(of: line)
            let comment = line.trimmingPrefix(while: \.isWhitespace).hasPrefix("//")
            if code.firstMatch(of: /(^|[^\w])try\?/) != nil {
                // A comment holds for the lines below it that drop errors, one after the other.
                if line.contains("// ") && !comment { isExplained = true }
                if !isExplained { found.append(number + 1) }
                if line.contains("// ") { isExplained = false }
            } else {
                isExplained = comment && !line.contains("// MARK")
            }
        }
        return found
    }

    /// A line without comments and texts.
    private static func code(of line: Substring) -> String {
        let parts = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
        let code = parts.filter { $0.offset.isMultiple(of: 2) }.map { String($0.element) }.joined(separator: "\"\"")
        return code.firstRange(of: "//").map { String(code[..<$0.lowerBound]) } ?? code
    }

    @Test func everyDroppedErrorHasItsReason() throws {
        for file in try SourceTree.sourceFiles() {
            let lines = Self.unexplained(in: file.text)
            #expect(lines.isEmpty, "\(file.name), lines \(lines): say in a comment why the error may be lost")
        }
    }

    @Test func aReasonIsSeenWhereItStands() {
        #expect(Self.unexplained(in: "let a = try? b()") == [1])
        #expect(Self.unexplained(in: "let a = try? b()  // It may be gone.") == [])
        #expect(Self.unexplained(in: "// It may be gone.\ntry? b()\ntry? c()\nlet d = 1\ntry? e()") == [5])
        #expect(Self.unexplained(in: "/// None when it is gone.\nfunc f() { try? b() }") == [])
        #expect(Self.unexplained(in: "// It may be gone.\n\ntry? b()") == [3])
        #expect(Self.unexplained(in: "// MARK: - Ends\ntry? b()") == [2])
        #expect(Self.unexplained(in: "func entry() throws -> Entry? { print(\"try? \") } // try? is not used") == [])
        #expect(Self.unexplained(in: "if let a = try? b(\"http://x\") {") == [1])
    }
}
