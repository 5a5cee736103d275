import ContentAddress
import Testing

@testable import BlockStore

/// Which pieces become one request.
@Suite struct RangeWishesTests {
    private let key = PieceKey(digest: "sha256:1")
    private static let piece = 262_144

    private func wish(_ number: Int, _ priority: BlockRequest.Priority = .demand) -> RangeWishes.Wish {
        let request = BlockRequest(
            id: key.id(of: number), length: Self.piece, algorithm: .sha256, priority: priority)
        return RangeWishes.Wish(request: request, offset: UInt64(number * Self.piece)) { _ in }
    }

    private func numbers(_ wishes: [RangeWishes.Wish]?) -> [Int]? {
        wishes?.compactMap { key.piece(of: $0.request.id) }
    }

    @Test func neighboursAreOneRequestWhateverTheirOrder() {
        var wishes = RangeWishes()
        for number in [5, 3, 4, 9] { wishes.add(wish(number)) }
        #expect(numbers(wishes.next()) == [3, 4, 5])
        #expect(numbers(wishes.next()) == [9])
        #expect(wishes.next() == nil)
    }

    @Test func demandsGoFirstAndPrefetchesBeforeThemDoNotHoldThemUp() {
        var wishes = RangeWishes()
        for number in [0, 1, 3] { wishes.add(wish(number, .prefetch)) }
        wishes.add(wish(2))
        #expect(numbers(wishes.next()) == [2, 3])
        #expect(numbers(wishes.next()) == [0, 1])
    }

    @Test func whatIsRaisedNeedNotWaitForItsTurn() {
        var wishes = RangeWishes()
        for number in stride(from: 0, to: 20, by: 2) { wishes.add(wish(number, .prefetch)) }
        var sent = 0
        while wishes.next() != nil { sent += 1 }
        #expect(sent == 3)
        wishes.raise(key.id(of: 12))
        #expect(numbers(wishes.next()) == [12])
        wishes.ended(isPrefetch: true, bytes: 0, seconds: 0)
        #expect(numbers(wishes.next()) == [6])
    }

    @Test func noRequestIsLongerThanFourMegabytes() {
        var wishes = RangeWishes()
        for number in 0..<200 { wishes.add(wish(number, .prefetch)) }
        // A megabyte at first; as long as a quarter of a second when the rate is known.
        #expect(wishes.next()?.count == 4)
        wishes.ended(isPrefetch: true, bytes: 1 << 20, seconds: 0.001)
        #expect(wishes.next()?.count == 16)
        var slow = RangeWishes()
        for number in 0..<200 { slow.add(wish(number, .prefetch)) }
        _ = slow.next()
        slow.ended(isPrefetch: true, bytes: 1 << 20, seconds: 10)
        #expect(slow.next()?.count == 4)
    }

    @Test func thePieceThatIsWantedTwiceIsSentTwice() {
        var wishes = RangeWishes()
        for number in [1, 1, 2] { wishes.add(wish(number)) }
        #expect(numbers(wishes.next()) == [1, 2])
        #expect(numbers(wishes.next()) == [1])
        #expect(wishes.waiting.isEmpty)
    }

    @Test func oneThatIsTakenBackIsNotAskedFor() {
        var wishes = RangeWishes()
        for number in [1, 2] { wishes.add(wish(number)) }
        #expect(wishes.remove(key.id(of: 1)) != nil && wishes.remove(key.id(of: 1)) == nil)
        #expect(numbers(wishes.next()) == [2])
    }
}
