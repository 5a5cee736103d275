import Boot
import Linux
import TestSupport
import Testing

@Suite struct StateFormatTests {
    private func refusal(_ folder: TemporaryDirectory) -> String? {
        do throws(BootError) {
            try StateFormat.check(folder.path)
            return nil
        } catch {
            if case .newerState(_, let format) = error { return format }
            return "another error"
        }
    }

    @Test func aFolderWithoutAMarkIsMarked() throws {
        let folder = try TemporaryDirectory()
        #expect(refusal(folder) == nil)
        #expect(try FileContents.readText(folder.path("format"), limit: 100) == "oscircular-state 1\n")
        #expect(refusal(folder) == nil)
    }

    @Test func aNewerFolderIsRefusedAndLeftAlone() throws {
        let folder = try TemporaryDirectory()
        try folder.write(Array("oscircular-state 2\n".utf8), to: "format")
        #expect(refusal(folder) == "2")
        #expect(try FileContents.readText(folder.path("format"), limit: 100) == "oscircular-state 2\n")
    }

    @Test func aMarkThatIsNotUnderstoodIsANewerOnes() throws {
        let folder = try TemporaryDirectory()
        try folder.write(Array("something else entirely\n".utf8), to: "format")
        #expect(refusal(folder) == "?")
        try folder.write(Array("oscircular-state 99999999999999999999999\n".utf8), to: "format")
        #expect(refusal(folder) == "99999999999999999999")
    }

    @Test func aMarkThatIsTooLongIsLeftAlone() throws {
        let folder = try TemporaryDirectory()
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 257)
        try folder.write(long, to: "format")
        #expect(refusal(folder) == "?")
        #expect(try FileContents.read(folder.path("format"), limit: 1000) == long)
    }

    @Test func whatAPowerCutLeftIsMarkedAgain() throws {
        let folder = try TemporaryDirectory()
        try folder.write([], to: "format")
        #expect(refusal(folder) == nil)
        #expect(try FileContents.readText(folder.path("format"), limit: 100) == "oscircular-state 1\n")
    }

    @Test func aFolderThatIsNotThereIsNotMade() throws {
        let folder = try TemporaryDirectory()
        try StateFormat.check(folder.path("absent"))
        #expect(!Folder.isFolder(folder.path("absent")))
    }
}
