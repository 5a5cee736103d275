import FoundationEssentials
import GuestDomain
import Linux
import Synchronization
import Testing

@testable import Boot

@Suite struct SessionScreenTests {
    private static let size = PictureSize(width: 100, height: 100)

    private static func picture(_ shade: UInt8, width: Int = 4, height: Int = 2) throws -> ScreenPicture {
        let pixels = [UInt8](repeating: shade, count: width * height * 3)
        return try #require(ScreenPicture(width: width, height: height, pixels: pixels))
    }

    /// No pauses, and patience for as long as a test may take.
    private static let hasty = SessionScreen.Pace(pause: 0, pauseAfterFault: 0, patience: 20_000_000_000)

    private final class Counter: Sendable {
        private let number = Mutex(0)

        var count: Int { number.withLock { $0 } }

        func next() -> Int {
            number.withLock { number in
                number += 1
                return number
            }
        }
    }

    /// Off the pool: it waits.
    private func answer(_ screen: SessionScreen, mayLook: Bool = true) async throws -> PictureAnswer? {
        try await WorkerThread.run(name: "test screen") { screen.answer(Self.size, mayLook: mayLook) }
    }

    @Test func whoAsksGetsWhatTheScreenShows() async throws {
        let screen = SessionScreen(pace: Self.hasty)
        #expect(try await answer(screen) == nil)
        let picture = try Self.picture(9)
        screen.attach { picture }
        let answer = try await answer(screen)
        #expect(answer?.picture == picture && answer?.age == 0)
    }

    @Test func qemuIsNotAskedWhereAReadMayWait() async throws {
        let screen = SessionScreen(pace: Self.hasty)
        let looks = Counter()
        let picture = try Self.picture(1)
        screen.attach {
            _ = looks.next()
            return picture
        }
        #expect(try await answer(screen, mayLook: false) == nil)
        #expect(try await answer(screen)?.picture == picture)
        #expect(try await answer(screen, mayLook: false)?.picture == picture)
        #expect(looks.count == 1)
    }

    @Test func oneAsksForAllAndNobodyWaitsForAHangingQEMU() async throws {
        let screen = SessionScreen(pace: .init(pause: 0, pauseAfterFault: 0, patience: 50_000_000))
        let hung = Monitor(false)
        let looks = Counter()
        let (first, second) = (try Self.picture(1), try Self.picture(2))
        screen.attach {
            guard looks.next() > 1 else { return first }
            _ = hung.wait { $0 ? true : nil }
            return second
        }
        #expect(try await answer(screen)?.picture == first)
        let start = ContinuousClock.now
        for _ in 0..<5 { #expect(try await answer(screen)?.picture == first) }
        #expect(looks.count == 2)
        #expect(ContinuousClock.now - start < .seconds(10))
        hung.change { $0 = true }
        var last: ScreenPicture?
        for _ in 0..<200 where last != second { last = try await answer(screen)?.picture }
        #expect(last == second)
    }

    @Test func qemuIsLeftAloneForAWhileAndLongerWhenItIsSlowOrFails() async throws {
        let screen = SessionScreen(pace: .init(pause: 60_000_000_000, pauseAfterFault: 0, patience: 20_000_000_000))
        let looks = Counter()
        let picture = try Self.picture(1)
        screen.attach {
            if looks.next() < 3 { throw Pixmap.Fault.malformed }
            return picture
        }
        var first: PictureAnswer?
        for _ in 0..<500 where first == nil {
            first = try await answer(screen)
            try await Task.sleep(for: .milliseconds(10))
        }
        for _ in 0..<5 { #expect(try await answer(screen)?.picture == picture) }
        #expect(looks.count == 3)

        let failing = SessionScreen(pace: .init(pause: 0, pauseAfterFault: 60_000_000_000, patience: 20_000_000_000))
        let failures = Counter()
        failing.attach {
            _ = failures.next()
            throw Pixmap.Fault.malformed
        }
        for _ in 0..<5 { #expect(try await answer(failing) == nil) }
        #expect(failures.count == 1)

        let slow = SessionScreen(pace: Self.hasty)
        let slowLooks = Counter()
        slow.attach {
            _ = slowLooks.next()
            MonotonicClock.pause(milliseconds: 500)
            return picture
        }
        // For two seconds more; asking takes none of them.
        for _ in 0..<5 { #expect(try await answer(slow)?.picture == picture) }
        #expect(slowLooks.count == 1)
    }

    @Test func aFaultLeavesTheLastPicture() async throws {
        let screen = SessionScreen(pace: Self.hasty)
        let picture = try Self.picture(1)
        let hasFailed = Mutex(false)
        screen.attach {
            if hasFailed.withLock({ $0 }) { throw Pixmap.Fault.malformed }
            return picture
        }
        #expect(try await answer(screen)?.picture == picture)
        hasFailed.withLock { $0 = true }
        #expect(try await answer(screen)?.picture == picture)
    }

    @Test func theLargestAnswerFitsIntoALine() async throws {
        let screen = SessionScreen(pace: Self.hasty)
        let large = try Self.picture(200, width: 3840, height: 2160)
        screen.attach { large }
        let answer = try await WorkerThread.run(name: "test screen") {
            screen.answer(PictureSize(width: 9999, height: 9999), mayLook: true)
        }
        let picture = try #require(answer?.picture)
        #expect(picture.width * picture.height > 50_000)
        var response = ControlResponse()
        response.screen = answer
        let line = try JSONEncoder().encode(response)
        #expect(line.count < 1 << 20)
        #expect(try JSONDecoder().decode(ControlResponse.self, from: line).screen == answer)
    }

    @Test(arguments: [(0, 0), (-5, 3), (Int.max, Int.max), (Int.min, 1), (1, Int.max), (16_384, 16_384), (400, 300)])
    func anySizeThatIsAskedForIsBounded(_ width: Int, _ height: Int) {
        let size = PictureSize(width: width, height: height).bounded
        #expect(size.width > 0 && size.height > 0 && size.width * size.height <= PictureSize.mostPixels)
        if width == 400 { #expect(size == PictureSize(width: width, height: height)) }
    }

    @Test func anAnswerThatSaysSomethingElseThanItHoldsIsNoPicture() throws {
        for (width, height, pixels) in [(2, 1, "AAAA"), (-1, -1, "AAAA"), (0, 0, ""), (1, 1, "AAAAAAAA")] {
            let text = "{\"width\":\(width),\"height\":\(height),\"pixels\":\"\(pixels)\",\"age\":0}"
            #expect(try JSONDecoder().decode(PictureAnswer.self, from: Data(text.utf8)).picture == nil)
        }
    }

    @Test func aRequestWithoutASizeIsWhatItWas() throws {
        let request = try JSONDecoder().decode(ControlRequest.self, from: Data("{\"command\":\"status\"}".utf8))
        #expect(request.size == nil)
        let line = String(decoding: try JSONEncoder().encode(ControlRequest(command: .status)), as: UTF8.self)
        #expect(line == "{\"command\":\"status\"}")
    }
}
