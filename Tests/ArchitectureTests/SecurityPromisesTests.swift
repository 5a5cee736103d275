import Foundation
import Testing

/// SECURITY.md names the tests that hold each promise.
struct SecurityPromisesTests {
    @Test func everyPromisedTestExists() throws {
        let text = try String(contentsOf: SourceTree.root.appending(path: "SECURITY.md"), encoding: .utf8)
        let named = Set(text.matches(of: /`([A-Za-z0-9]+Tests)`/).map { String($0.1) })
        let files = FileManager.default.enumerator(at: SourceTree.tests, includingPropertiesForKeys: nil)
        let suites = Set(
            (files?.allObjects ?? []).compactMap { ($0 as? URL)?.deletingPathExtension().lastPathComponent })
        #expect(named.count > 30)
        #expect(named.subtracting(suites).sorted() == [])
    }

    @Test func everyLineOfATableNamesItsTests() throws {
        let text = try String(contentsOf: SourceTree.root.appending(path: "SECURITY.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter {
            $0.hasPrefix("| ") && !$0.hasPrefix("| ---") && !$0.hasSuffix("| tests |")
        }
        #expect(rows.count > 30)
        #expect(rows.filter { !$0.contains(/`[A-Za-z0-9]+Tests`/) }.map(String.init) == [])
    }
}
