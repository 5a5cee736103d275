/// Values by key, up to a limit of what they cost together; the one that was not used for the longest time goes first.
package struct RecentValues<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private struct Entry {
        let key: Key
        var value: Value
        var cost: Int
        var older: Int
        var newer: Int
    }

    /// Stands for "nobody" in the chain from the newest to the oldest.
    private static var none: Int { -1 }

    private let limit: Int
    private var entries: [Entry?] = []
    private var free: [Int] = []
    private var places: [Key: Int] = [:]
    private var newest = -1
    private var oldest = -1
    /// What all values cost together.
    package private(set) var cost = 0

    /// - Parameter limit: what the values may cost together; the newest one stays whatever it costs.
    package init(limit: Int) { self.limit = limit }

    package var count: Int { places.count }

    /// The value, which is the newest from now on.
    package mutating func use(_ key: Key) -> Value? {
        guard let place = places[key], let entry = entries[place] else { return nil }
        if place != newest {
            unlink(entry)
            link(place)
        }
        return entry.value
    }

    package mutating func insert(_ value: Value, for key: Key, cost added: Int) {
        remove(key)
        let entry = Entry(key: key, value: value, cost: added, older: -1, newer: -1)
        let place: Int
        if let reused = free.popLast() {
            place = reused
            entries[place] = entry
        } else {
            place = entries.count
            entries.append(entry)
        }
        places[key] = place
        cost += added
        link(place)
        while cost > limit, oldest != newest, let last = entries[oldest] { remove(last.key) }
    }

    package mutating func remove(_ key: Key) {
        guard let place = places.removeValue(forKey: key), let entry = entries[place] else { return }
        unlink(entry)
        entries[place] = nil
        free.append(place)
        cost -= entry.cost
    }

    private mutating func link(_ place: Int) {
        entries[place]?.older = newest
        entries[place]?.newer = RecentValues.none
        if newest != RecentValues.none { entries[newest]?.newer = place }
        newest = place
        if oldest == RecentValues.none { oldest = place }
    }

    private mutating func unlink(_ entry: Entry) {
        if entry.newer == RecentValues.none { newest = entry.older } else { entries[entry.newer]?.older = entry.older }
        if entry.older == RecentValues.none { oldest = entry.newer } else { entries[entry.older]?.newer = entry.newer }
    }
}
