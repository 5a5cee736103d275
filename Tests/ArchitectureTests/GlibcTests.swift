import Foundation
import Testing

/// `Linux` owns files, folders, processes, timers and waits. Above the bindings nobody imports the C library, but for the files that are
/// listed here, with what each needs of it: the list only shrinks.
@Suite struct GlibcTests {
    /// Foundation as a whole passes Glibc on; FoundationEssentials does not.
    private static let libraries: Set<String> = ["Glibc", "Musl", "SystemPackage", "Foundation"]

    private static let listed: [String: String] = [
        "BlockStore/MirrorEstimate.swift": "exp and exp2: Foundation, which has them, is not linked for two functions",
        "Publisher/BlockWorker.swift": "memcmp: nothing else compares a block with zeros as fast as memory is read",
    ]

    @Test func onlyListedFilesImportTheCLibrary() throws {
        let files = try SourceTree.sourceFiles().filter { !$0.url.path.contains("/Sources/Bindings/") }
        #expect(files.count > 200)
        let listed = Set(Self.listed.keys)
        let importing = Set(files.filter { !Self.libraries.isDisjoint(with: $0.imports) }.map(\.name))
        for name in importing.subtracting(listed).sorted() {
            Issue.record("\(name) imports the C library: say what it needs in Sources/Bindings/Linux")
        }
        for name in listed.subtracting(importing).sorted() {
            Issue.record("\(name) does not import the C library any more: take it off the list above")
        }
    }

    /// Lower it with each file that is taken off.
    @Test func theListOnlyShrinks() {
        #expect(Self.listed.count <= 2)
    }

    @Test func eachFileOnTheListHasItsReason() {
        for (name, reason) in Self.listed { #expect(reason.count > 20, "\(name)") }
    }
}
