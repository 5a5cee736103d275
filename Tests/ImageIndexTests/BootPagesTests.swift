import ImageIndex
import TestSupport
import Testing

@Suite struct BootPagesTests {
    private func run(_ start: Int, _ count: Int) -> PageRun { PageRun(start: start, count: count) }

    @Test func areKeptInTheOrderOfTheirFirstRead() {
        var pages = BootPages()
        pages.add(run(10, 4))
        pages.add(run(2, 2))
        // Two of them are there.
        pages.add(run(12, 4))
        // It goes on where the last one ended.
        pages.add(run(16, 1))
        pages.add(run(0, 6))
        #expect(pages.runs == [run(10, 4), run(2, 2), run(14, 3), run(0, 2), run(4, 2)])
        #expect(pages.count == 13 && pages.contains(16) && !pages.contains(6))
    }

    @Test func laterOnesComeAfterEarlierOnes() {
        let pages = BootPages([run(5, 2)]).union(BootPages([run(0, 1), run(4, 3)]))
        #expect(pages.runs == [run(5, 2), run(0, 1), run(4, 1)])
    }

    @Test func areReadAsTheyWereWritten() throws {
        let folder = try TemporaryDirectory()
        let pages = BootPages([run(7, 3), run(1, 1)])
        #expect(pages.text == "oscircular-pages 1\n7 3\n1 1\n")
        #expect(try BootPages(text: pages.text) == pages)
        try folder.write(Array(pages.text.utf8), to: "a.pages")
        #expect(try BootPages(path: folder.path("a.pages")) == pages)
        #expect(try BootPages(text: "oscircular-pages 1\n").runs.isEmpty)
    }

    @Test(arguments: [
        "", "oscircular-pages 2\n", "oscircular-pages 1\n\n", "oscircular-pages 1\n1\n", "oscircular-pages 1\n1 0\n",
        "oscircular-pages 1\n-1 2\n", "oscircular-pages 1\n1 2 3\n", "oscircular-pages 1\n1  2\n",
        "oscircular-pages 1\n01 2\n", "oscircular-pages 1\n1 99999999999999999999\n", "oscircular-pages 1\r\n",
        "oscircular-pages 1\n1125899906842624 1\n", "oscircular-pages 1\n0 4194305\n",
    ])
    func whatIsNoListIsRefused(text: String) {
        #expect(throws: ImageIndexError.self) { try BootPages(text: text) }
    }

    @Test func neitherRunsNorPagesGrowWithoutBounds() {
        var pages = BootPages()
        for page in 0..<(BootPages.mostRuns + 10) { pages.add(run(2 * page, 1)) }
        #expect(pages.runs.count == BootPages.mostRuns)
        #expect(BootPages([run(0, BootPages.mostPages + 10)]).count == BootPages.mostPages)
    }

    @Test func thePagesOfBytesAreAllThatTheyTouch() {
        #expect(PageRun(bytes: 0..<1) == run(0, 1))
        #expect(PageRun(bytes: 4095..<4097) == run(0, 2))
        #expect(PageRun(bytes: 4096..<8192) == run(1, 1))
        #expect(PageRun(bytes: 5..<5) == nil)
        #expect(PageRun(bytes: 0..<UInt64.max) == nil)
        #expect(PageRun.pages(ofImage: 4097) == 2 && PageRun.pages(ofImage: 8192) == 2)
    }
}
