import Linux
import TestSupport
import Testing

@testable import GuestNetwork

@Suite(.timeLimit(.minutes(1))) struct ResolverFileTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// What the thread that has the file does, once.
    /// - Returns: whether there was news, and the text is another one.
    private func look(_ file: ResolverFile, within milliseconds: Int32) throws -> Bool {
        let descriptor = try #require(file.descriptor)
        var sources = [PollSource(descriptor)]
        guard try PollSource.wait(for: &sources, milliseconds: milliseconds) else { return false }
        file.takeNews(at: MonotonicClock.nanoseconds)
        return file.hasChanged(at: file.nextLook)
    }

    @Test func aChangeIsToldOf() throws {
        let path = folder.path("resolv.conf")
        try AtomicFile.write("nameserver 192.0.2.1\nsearch example.org\n", to: path)
        let file = ResolverFile(path: path)
        #expect(file.text == "nameserver 192.0.2.1\n")
        #expect(try !look(file, within: 100))
        #expect(
            file.nextLook > MonotonicClock.nanoseconds + ResolverFile.pauses.untold, "nobody is woken up for nothing")
        try AtomicFile.write("nameserver 192.0.2.2\n", to: path)
        #expect(try look(file, within: 5000))
        #expect(file.text == "nameserver 192.0.2.2\n")
        try Paths.remove(path)
        #expect(try look(file, within: 5000))
        #expect(file.text.isEmpty)
    }

    @Test func itIsFollowedWhereItLeadsTo() throws {
        let path = folder.path("resolv.conf")
        let (first, second) = (try folder.makeFolder("first"), try folder.makeFolder("second"))
        for (number, place) in [first, second].enumerated() {
            try AtomicFile.write("nameserver 192.0.2.\(number)\n", to: place + "/stub.conf")
        }
        try Paths.makeLink(path, to: "first/stub.conf")
        let file = ResolverFile(path: path)
        #expect(file.text == "nameserver 192.0.2.0\n")
        try AtomicFile.write("nameserver 192.0.2.7\n", to: first + "/stub.conf")
        #expect(try look(file, within: 5000))
        // The link leads elsewhere, and what is there is followed from then on.
        try Paths.remove(path)
        try Paths.makeLink(path, to: "second/stub.conf")
        #expect(try look(file, within: 5000))
        #expect(file.text == "nameserver 192.0.2.1\n")
        try AtomicFile.write("nameserver 192.0.2.8\n", to: second + "/stub.conf")
        #expect(try look(file, within: 5000))
        #expect(file.text == "nameserver 192.0.2.8\n")
    }

    @Test func whereNobodyTellsItIsLookedAtMoreOften() throws {
        let path = folder.path("absent/resolv.conf")
        let file = ResolverFile(path: path)
        #expect(file.descriptor == nil && file.text.isEmpty)
        #expect(file.nextLook <= MonotonicClock.nanoseconds + ResolverFile.pauses.untold)
        try Folder.make(folder.path("absent"))
        try AtomicFile.write("nameserver 192.0.2.1\n", to: path)
        #expect(file.hasChanged(at: file.nextLook))
        #expect(file.descriptor != nil && file.text == "nameserver 192.0.2.1\n")
        // Its folder goes, and comes back.
        try Folder.removeTree(folder.path("absent"))
        #expect(try look(file, within: 5000))
        #expect(file.descriptor == nil)
    }
}
