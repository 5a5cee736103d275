import Testing

@testable import BootMenu

@Suite struct MenuPaceTests {
    @Test(arguments: [
        (MenuPace(showsGuest: true, isLive: true), UInt64(300), UInt64(1000)),
        (MenuPace(showsGuest: false, isLive: true), 1000, 3000),
        (MenuPace(showsGuest: false, isLive: false), 3000, 15_000),
    ])
    func aMenuThatNobodyTouchesAsksLessOften(_ pace: MenuPace, _ near: UInt64, _ left: UInt64) {
        let last: UInt64 = 5_000_000_000
        #expect(pace.interval(since: last, now: last) == near * 1_000_000)
        #expect(pace.interval(since: last, now: last + MenuPace.patience - 1) == near * 1_000_000)
        #expect(pace.interval(since: last, now: last + MenuPace.patience) == left * 1_000_000)
    }

    @Test func aKeyThatCameMeanwhileCounts() {
        #expect(!MenuPace.isLeft(since: 10, now: 5))
        #expect(MenuPace.isLeft(since: 10, now: 10 + MenuPace.patience))
    }
}
