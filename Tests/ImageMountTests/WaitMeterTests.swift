import Testing

@testable import ImageMount

/// For how long a guest's reads have waited for blocks.
@Suite(.timeLimit(.minutes(1))) struct WaitMeterTests {
    @Test func timeCountsOnceHoweverManyReadsWait() {
        var meter = WaitMeter()
        meter.note(isWaiting: false) { 5 }
        #expect(meter.nanoseconds(at: 10) == 0)
        meter.note(isWaiting: true) { 100 }
        meter.note(isWaiting: true) { 150 }
        #expect(meter.nanoseconds(at: 170) == 70)
        meter.note(isWaiting: false) { 200 }
        meter.note(isWaiting: true) { 300 }
        #expect(meter.nanoseconds(at: 310) == 110)
        // A clock that is read by two threads in turn.
        #expect(meter.nanoseconds(at: 290) == 100)
    }

    @Test func aReadThatWaitsIsCountedAndOneThatDoesNotIsNot() async throws {
        let folder = try TemporaryFolder()
        let image = try TestImage.fixed(in: folder)
        let store = image.store()
        let reader = ImageReader(index: image.index, store: store)
        #expect(reader.waitedNanoseconds == 0)
        store.hold()
        let read = Task { try await reader.read(offset: 0, length: 100) }
        while reader.statistics.waitingReads == 0 { try await Task.sleep(for: .milliseconds(5)) }
        try await Task.sleep(for: .milliseconds(120))
        #expect(reader.waitedNanoseconds >= 100_000_000)
        reader.releaseWaitingReads()
        _ = await read.result
        let after = reader.waitedNanoseconds
        try await Task.sleep(for: .milliseconds(50))
        #expect(reader.waitedNanoseconds == after, "nobody waits any more")
    }
}
