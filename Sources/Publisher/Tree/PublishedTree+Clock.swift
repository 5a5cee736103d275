import Catalog
import TUF

extension PublishedTree {
    /// Days for which a timestamp is valid: it must outlive the week until the next version, even if no timer renews it.
    static let timestampDays = 14
    /// Another publisher's clock may be ahead of ours by so many seconds.
    private static let clockError: Int64 = 3600
    /// 2024-01-01: a clock that shows an earlier time was never set.
    private static let firstYear: Int64 = 1_704_067_200

    /// The same as ``checkClock(_:)``, before work that takes long.
    /// - Throws: ``PublisherError``.
    package func checkClock() throws(PublisherError) { try checkClock(try contents()) }

    /// Refuses to sign with a clock that is behind the tree's own last signature: readers would find expired what it signs.
    /// - Throws: ``PublisherError/clockBehind(now:signed:)`` unless ``trustsClock``.
    func checkClock(_ contents: TreeContents) throws(PublisherError) {
        if trustsClock { return }
        let now = clock()
        // When it was signed is not recorded, only when it expires.
        let expires = Int64(contents.state.timestamp.header.expires.seconds)
        let signed = Timestamp(seconds: expires - Int64(PublishedTree.timestampDays) * 86_400)
        guard signed.seconds <= now.seconds + PublishedTree.clockError else {
            throw .clockBehind(now: now, signed: signed)
        }
    }

    /// Refuses a clock that was never set, for a tree that has no signature to compare it with.
    /// - Throws: ``PublisherError/clockBehind(now:signed:)``.
    static func checkClock(_ now: Timestamp) throws(PublisherError) {
        guard now.seconds >= firstYear else { throw .clockBehind(now: now, signed: nil) }
    }

    /// Today by UTC, as versions are named.
    package var today: CalendarDate { CalendarDate(dayNumber: clock().seconds / 86_400) }

    /// Whether a day is ahead of the clock by more than time zones can be.
    package func isAhead(_ day: CalendarDate) -> Bool { day.dayNumber > today.dayNumber + 1 }

    /// - Throws: ``PublisherError/ahead(day:today:)`` for a version that comes from the future by its name or its time.
    func checkDay(of new: NewVersion) throws(PublisherError) {
        if new.isFutureAllowed { return }
        let published = CalendarDate(dayNumber: new.published.seconds / 86_400)
        for day in [new.version.date, published] where isAhead(day) { throw .ahead(day: day, today: today) }
    }
}
