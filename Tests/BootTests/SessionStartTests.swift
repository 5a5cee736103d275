import FoundationEssentials
import Testing

@testable import Boot

/// How a guest started, as scripts and people read it.
@Suite struct SessionStartTests {
    private static let status = SessionStatus(
        id: "abc", catalog: "c", distribution: "debian", version: "2026-11-16", state: .running, phase: .up, pid: 1,
        started: "2026-11-23T00:00:00Z", consoleLog: "/x")

    @Test func whatIsNotKnownIsAbsentAndWhatIsKnownComesBack() throws {
        let text = try JSONRoundTrip.text(of: Self.status)
        #expect(!text.contains("start\"") && !text.contains("startSeconds"))
        var warm = Self.status
        (warm.start, warm.startSeconds) = (.warm, 1.25)
        let known = try JSONRoundTrip.text(of: warm)
        #expect(known.contains("\"start\":\"warm\"") && known.contains("\"startSeconds\":1.25"))
        #expect(try JSONRoundTrip.of(warm) == warm)
        var booted = Self.status
        booted.start = .booted
        #expect(try JSONRoundTrip.text(of: booted).contains("\"start\":\"booted\""))
    }

    @Test(
        arguments: [
            (nil, nil, nil), (nil, 3, nil), (.warm, nil, "started warm"), (.booted, nil, "booted"),
            (.warm, 1.24, "started warm in 1.2 s"), (.warm, 0.04, "started warm in 0.0 s"),
            (.warm, 9.949, "started warm in 9.9 s"), (.booted, 9.96, "booted in 10 s"),
            (.booted, 31.4, "booted in 31 s"),
            (.booted, 31.5, "booted in 32 s"), (.booted, 75, "booted in 1 min 15 s"), (.booted, -1, "booted in 0.0 s"),
            (.booted, 1e300, "booted in 24 h 00 min"),
        ] as [(SessionStatus.Start?, Double?, String?)])
    func peopleReadItInSeconds(_ start: SessionStatus.Start?, _ seconds: Double?, _ text: String?) {
        var status = Self.status
        (status.start, status.startSeconds) = (start, seconds)
        #expect(status.startText == text)
    }
}
