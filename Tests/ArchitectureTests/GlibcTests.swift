import Foundation
import Testing

/// `Linux` owns files, folders, processes, timers and waits. Above the bindings nobody imports the C library, but for the files that are
/// listed here: the list only shrinks.
@Suite struct GlibcTests {
    private static let libraries: Set<String> = ["Glibc", "Musl", "SystemPackage"]

    /// Files above `Sources/Bindings` that import the C library still, by module.
    private static let listed = Set(
        GlibcList.files.flatMap { module, files in files.map { "\(module)/\($0).swift" } })

    @Test func onlyListedFilesImportTheCLibrary() throws {
        let files = try SourceTree.sourceFiles().filter { !$0.url.path.contains("/Sources/Bindings/") }
        #expect(files.count > 200)
        let importing = Set(files.filter { !Self.libraries.isDisjoint(with: $0.imports) }.map(\.name))
        for name in importing.subtracting(Self.listed).sorted() {
            Issue.record("\(name) imports the C library: say what it needs in Sources/Bindings/Linux")
        }
        for name in Self.listed.subtracting(importing).sorted() {
            Issue.record("\(name) does not import the C library any more: take it off the list in GlibcList.swift")
        }
    }

    /// Lower it with each file that is taken off.
    @Test func theListOnlyShrinks() {
        #expect(Self.listed.count <= 64)
    }

    @Test func theListNamesNoFileTwice() {
        for (module, files) in GlibcList.files { #expect(Set(files).count == files.count, "\(module)") }
    }
}
