import Linux
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct NameWatchTests {
    private static func hasNews(_ watch: NameWatch) throws -> Bool {
        var sources = [PollSource(watch.descriptor)]
        return try PollSource.wait(for: &sources, milliseconds: 200)
    }

    @Test func tellsOfNamesThatComeAndGo() throws {
        let folder = try TemporaryDirectory()
        let watch = try NameWatch(folders: [folder.path])
        #expect(try !Self.hasNews(watch))
        try AtomicFile.write("one", to: folder.path("file"))
        #expect(try Self.hasNews(watch))
        #expect(watch.clear())
        #expect(try !Self.hasNews(watch))
        Paths.removeIfPossible(folder.path("file"))
        #expect(try Self.hasNews(watch))
        #expect(watch.clear())
    }

    @Test func saysThatAFolderHasGone() throws {
        let folder = try TemporaryDirectory()
        let inner = try folder.makeFolder("inner")
        let watch = try NameWatch(folders: [folder.path, inner])
        try Folder.removeTree(inner)
        #expect(!watch.clear())
        #expect(throws: SystemCallError.self) { _ = try NameWatch(folders: [inner]) }
    }
}
