import Boot
import Testing

@Suite struct ByteCountTests {
    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (1099, "1.0 kB"), (9900, "9.9 kB"), (9999, "9.9 kB"),
            (10_000, "10 kB"), (999_999, "999 kB"), (1_000_000, "1.0 MB"), (84_000_000, "84 MB"),
            (1_200_000_000, "1.2 GB"), (.max, "18 EB"),
        ] as [(UInt64, String)])
    func hasAtMostThreeDigits(bytes: UInt64, text: String) { #expect(ByteCount.text(bytes) == text) }

    @Test(
        arguments: [
            ("0", 0), ("1500", 1500), ("7b", 7), ("20GiB", 20 << 30), ("20 gib", 20 << 30), ("20G", 20 << 30),
            ("500 MB", 500_000_000), ("3kB", 3000), ("3K", 3072), ("2TB", 2_000_000_000_000), ("2T", 2 << 40),
            ("18446744073709551615", .max), ("16777215TiB", 16_777_215 << 40),
        ] as [(String, UInt64)])
    func readsSizes(text: String, bytes: UInt64) { #expect(ByteCount.parse(text) == bytes) }

    @Test(arguments: [
        "", " ", "GiB", "-1", "+1", "1.5GB", "20GiBs", "20 G B", "1e9", "٣", "18446744073709551616", "16777216TiB",
        "18446744073709551615k",
    ])
    func refusesWhatIsNoSizeOrDoesNotFit(text: String) { #expect(ByteCount.parse(text) == nil) }
}

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
