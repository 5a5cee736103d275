import Glibc

/// What is measured of one mirror, and what it has to do now: enough to say when it would deliver a block.
struct MirrorEstimate: Sendable {
    /// Seconds of work after which a measurement of the rate counts a third.
    private static let memory = 3.0
    /// Seconds without a measurement that make a mirror look twice as good: what was slow once is tried again in time.
    private static let forgetting = 60.0
    /// What is assumed of a mirror before its first block: seconds, and bytes a second.
    private static let unknown = (latency: 0.05, rate: 2e6)

    /// Seconds between a request and the answer's first byte, smoothed; nil before the first block.
    private(set) var latency: Double?
    /// The least latency of late: without the queues that our own requests make.
    private var leastLatency = 0.0
    /// Bytes that came and seconds in which something was asked for, both fading.
    private var bytes = 0.0
    private var busy = 0.0
    private(set) var inFlight = 0
    private var bytesInFlight = 0.0
    /// Nanoseconds of ``MonotonicClock``: until when `busy` is counted, and when the mirror last gave a block or began to work.
    private var countedUntil: UInt64 = 0
    private(set) var lastProgress: UInt64 = 0

    var isMeasured: Bool { latency != nil }

    /// Bytes a second; nil before the first block.
    private var rate: Double? { isMeasured ? max(bytes, 1) / max(busy, 1e-6) : nil }

    mutating func began(bytes: Double, now: UInt64) {
        count(now)
        if inFlight == 0 { lastProgress = now }
        inFlight += 1
        bytesInFlight += bytes
    }

    /// A request is over.
    /// - Parameters:
    ///   - bytes: what ``began(bytes:now:)`` was told.
    mutating func ended(bytes: Double, now: UInt64) {
        count(now)
        inFlight -= 1
        bytesInFlight = inFlight == 0 ? 0 : max(0, bytesInFlight - bytes)
    }

    /// A block came.
    /// - Parameters:
    ///   - wait: seconds to its first byte.
    ///   - wasIdle: whether the mirror had nothing else to do when it was asked.
    mutating func received(bytes received: Int, wait: Double, wasIdle: Bool, now: UInt64) {
        lastProgress = now
        bytes += Double(received)
        // A link that is empty until the first byte comes is not slow because of that.
        if wasIdle { busy = max(busy - wait, 0) }
        leastLatency = isMeasured ? min(wait, leastLatency + 0.02 * (wait - leastLatency)) : wait
        latency = latency.map { $0 + 0.25 * (wait - $0) } ?? wait
    }

    /// Another mirror gave the block before this one said anything.
    mutating func wasOvertaken(after seconds: Double) { latency = max(latency ?? 0, seconds) }

    /// Seconds until a block would arrive if it were asked for now.
    /// - Parameter ahead: bytes that are to be asked for before it.
    func expected(bytes: Double, ahead: Double = 0, now: UInt64) -> Double {
        var (latency, rate) = (latency ?? MirrorEstimate.unknown.latency, rate ?? MirrorEstimate.unknown.rate)
        let silence = now > lastProgress ? Double(now - lastProgress) / 1e9 : 0
        if inFlight == 0 {
            let hope = exp2(min(silence / MirrorEstimate.forgetting, 10))
            (latency, rate) = (latency / hope, rate * hope)
        }
        let usual = latency + (bytesInFlight + ahead + bytes) / rate
        let isSilent = inFlight > 0 && silence > 2 * usual + 0.1
        return isSilent ? usual + silence : usual
    }

    /// Requests at the same time that keep the mirror's link full, and few more: what is asked for now must not wait long
    /// behind what was asked for ahead.
    func window(meanBytes: Double) -> Int {
        guard let rate else { return 6 }
        return max(4, Int((2 * rate * leastLatency / max(meanBytes, 1)).rounded(.up)) + 2)
    }

    private mutating func count(_ now: UInt64) {
        if inFlight > 0, now > countedUntil {
            let seconds = Double(now - countedUntil) / 1e9
            let fading = exp(-seconds / MirrorEstimate.memory)
            busy = busy * fading + seconds
            bytes *= fading
        }
        countedUntil = now
    }
}
