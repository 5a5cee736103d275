import Boot
import Testing

@Suite struct SessionIDTests {
    @Test func randomIDsAreValidAndDiffer() {
        let ids = (0..<200).map { _ in SessionID.random() }
        #expect(ids.allSatisfy { $0.utf8.count == 8 && SessionID.isValid($0) })
        #expect(Set(ids).count == ids.count)
    }

    @Test func onlyShortPlainNamesAreIDs() {
        for good in ["a", "0", "abc123", "abcdefghijkl"] { #expect(SessionID.isValid(good)) }
        for bad in ["", "abcdefghijklm", "A", "a.b", "..", "a/b", "ä", "a b", "a-b", "a\n"] {
            #expect(!SessionID.isValid(bad))
        }
    }
}

@Suite struct RateMeterTests {
    private let second: UInt64 = 1_000_000_000

    @Test func givesBytesASecond() {
        let meter = RateMeter()
        #expect(meter.rate(count: 500, now: second) == 0)
        #expect(meter.rate(count: 2500, now: 3 * second) == 1000)
    }

    @Test func forgetsWhatIsOlderThanItsWindow() {
        let meter = RateMeter()
        _ = meter.rate(count: 0, now: second)
        _ = meter.rate(count: 9_000_000, now: 2 * second)
        _ = meter.rate(count: 9_000_000, now: 4 * second)
        #expect(meter.rate(count: 9_000_300, now: 5 * second) == 100)
        // The one sample from before the window stays, so that a slow transfer has a rate too.
        #expect(meter.rate(count: 9_000_850, now: 60 * second) == 10)
        #expect(meter.rate(count: 9_000_850, now: 120 * second) == 0)
    }

    @Test func aCountThatShrinksIsNoRate() {
        let meter = RateMeter()
        _ = meter.rate(count: 500, now: second)
        #expect(meter.rate(count: 100, now: 2 * second) == 0)
    }

    @Test func callersWhoseClocksCrossDoNoHarm() {
        let meter = RateMeter()
        _ = meter.rate(count: 0, now: second)
        _ = meter.rate(count: 0, now: 9 * second)
        #expect(meter.rate(count: 0, now: 9 * second - 1) == 0)
        #expect(meter.rate(count: 100, now: 11 * second) == 10)
    }
}
