import Testing

@testable import ImageMount

/// What is asked for ahead of readers.
struct SequentialStreamsTests {
    @Test func oneBlockIsNoStream() {
        var streams = SequentialStreams(longest: 64)
        #expect(streams.touched(7).isEmpty)
        #expect(streams.touched(900).isEmpty)
        #expect(streams.touched(300).isEmpty)
    }

    @Test func aReaderInOrderGetsAWindowThatDoubles() {
        var streams = SequentialStreams(longest: 64)
        var asked: [Int] = []
        var windows: [Int] = []
        for position in 0..<40 {
            asked += streams.touched(position)
            windows.append((asked.last ?? position) - position)
        }
        // Each once, in order, and nothing is left out.
        #expect(asked == Array(2..<(asked.last ?? 0) + 1))
        #expect(Array(windows.prefix(6)) == [0, 4, 8, 16, 32, 64])
        #expect(windows.max() == 64)
    }

    @Test func twoReadersAreFollowedAtTheSameTime() {
        var streams = SequentialStreams(longest: 16)
        var asked: [Int] = []
        for step in 0..<4 {
            asked += streams.touched(step)
            asked += streams.touched(1000 + step)
        }
        #expect(asked.contains(5) && asked.contains(1005))
        #expect(!asked.contains { (100..<1000).contains($0) })
    }

    @Test func whatTheKernelAsksForOutOfOrderIsStillOneReader() {
        var streams = SequentialStreams(longest: 16)
        var asked: [Int] = []
        for position in [0, 1, 3, 2, 5, 4, 6] { asked += streams.touched(position) }
        #expect(Set(asked).count == asked.count)
        #expect(asked.contains(7))
    }

    @Test func readersThatStopMakeTheNextWindowsSmaller() {
        var streams = SequentialStreams(longest: 64)
        func firstWindow(at position: Int) -> Int {
            _ = streams.touched(position)
            return streams.touched(position + 1).count
        }
        let before = firstWindow(at: 0)
        // Two blocks each, and never what was asked for.
        for stream in 1...24 { _ = firstWindow(at: stream * 1000) }
        #expect(before == 4)
        #expect(firstWindow(at: 900_000) == 1)
    }

    @Test func withoutRoomNothingIsAskedFor() {
        var streams = SequentialStreams(longest: 0)
        for position in 0..<10 { #expect(streams.touched(position).isEmpty) }
    }
}
