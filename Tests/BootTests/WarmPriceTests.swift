import Testing

@testable import Boot

/// When a guest that somebody else saved is worth its bytes.
@Suite struct WarmPriceTests {
    private func price(state: UInt64, boot: UInt64, seconds: Double) -> WarmPrice {
        WarmPrice(stateBytes: state, bootBytes: boot, bootSeconds: seconds)
    }

    @Test func inEmulationASlowLineIsStillSooner() {
        // 25 MB at 50 Mbit/s beside a boot of 30 seconds.
        let price = price(state: 25_000_000, boot: 0, seconds: 30)
        #expect(price.verdict(done: 0, after: 0) == .wait)
        #expect(price.verdict(done: 6_250_000, after: 1) == .wait)
        // At 5 Mbit/s it takes 40.
        #expect(price.verdict(done: 625_000, after: 1) == .boot)
    }

    @Test func whereTheBlocksOfABootMustComeTooTheFewerBytesWin() {
        let cold = price(state: 25_000_000, boot: 54_000_000, seconds: 4)
        #expect(cold.verdict(done: 625_000, after: 1) == .wait)
        let whole = price(state: 25_000_000, boot: 0, seconds: 4)
        #expect(whole.verdict(done: 625_000, after: 1) == .boot)
        #expect(whole.verdict(done: 20_000_000, after: 1) == .wait)
    }

    @Test func whatIsNearlyHereIsWaitedForAndWhatStandsStillIsNot() {
        let price = price(state: 1_000_000, boot: 0, seconds: 30)
        #expect(price.verdict(done: 1_000_000, after: 100) == .wait)
        #expect(price.verdict(done: 2_000_000, after: 100) == .wait)
        // Its first block is on its way.
        #expect(price.verdict(done: 0, after: 1) == .wait)
        #expect(price.verdict(done: 0, after: 3) == .boot)
        // A line that breaks off in the middle.
        #expect(price.verdict(done: 500_000, after: 10) == .wait)
        #expect(price.verdict(done: 500_000, after: 60) == .boot)
        #expect(price.verdict(done: 500_000, after: 10, still: 1.9) == .wait)
        #expect(price.verdict(done: 500_000, after: 10, still: 2) == .boot)
    }

    @Test func aBootThatIsOverBeforeAnyWakeIsNotKeptWaiting() {
        #expect(price(state: 1000, boot: 0, seconds: 1).verdict(done: 0, after: 0) == .boot)
        #expect(price(state: 1000, boot: 0, seconds: 1).verdict(done: 0, after: 1) == .boot)
        #expect(price(state: 0, boot: 0, seconds: 1).verdict(done: 0, after: 0) == .wait)
    }
}
