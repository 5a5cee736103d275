import Catalog

/// Which old versions go.
///
/// Pinned versions stay, and so does the newest of each distribution, which no rule takes away. A version that is ahead of the clock
/// takes no other one's place: its day was a typing error, by all likelihood.
package struct PruneRule: Sendable, Equatable {
    /// Weeks before a distribution's newest version; older ones go. Counted by the versions' days, not by the clock: a distribution
    /// that nobody updates loses nothing.
    package var keepWeeks: Int?
    /// The same for single distributions.
    package var keepWeeksOf: [String: Int] = [:]
    /// Bytes in the store that the versions which stay may need together; the oldest go first.
    package var maxBytes: UInt64?

    package init(keepWeeks: Int? = nil, keepWeeksOf: [String: Int] = [:], maxBytes: UInt64? = nil) {
        self.keepWeeks = keepWeeks
        self.keepWeeksOf = keepWeeksOf
        self.maxBytes = maxBytes
    }

    /// What a rule takes away.
    struct Choice {
        /// Positions in the census' versions, sorted.
        var goes: [Int] = []
        /// Bytes of the blocks that the others need, and of those that only these need; and how many those are.
        var keptBytes: UInt64 = 0
        var freedBytes: UInt64 = 0
        var freedBlocks = 0
    }

    /// - Parameter today: by the clock.
    func choose(among census: BlockCensus, today: CalendarDate) -> Choice {
        var holders = [Int32](repeating: 0, count: census.sizes.count)
        for version in census.versions { for block in version.all { holders[block] += 1 } }
        var choice = Choice(keptBytes: census.bytes)
        func remove(_ position: Int) {
            choice.goes.append(position)
            for block in census.versions[position].all {
                holders[block] -= 1
                guard holders[block] == 0 else { continue }
                choice.keptBytes -= census.sizes[block]
                choice.freedBytes += census.sizes[block]
                choice.freedBlocks += 1
            }
        }
        // The oldest comes first. Where all are ahead, it is the clock that is wrong.
        var newest: [String: VersionID] = [:]
        var last: [String: VersionID] = [:]
        for version in census.versions {
            last[version.distribution] = version.entry.id
            if version.entry.id.date.dayNumber <= today.dayNumber + 1 {
                newest[version.distribution] = version.entry.id
            }
        }
        newest.merge(last) { known, _ in known }
        var candidates = census.versions.indices.filter { position in
            let version = census.versions[position]
            return !version.entry.isPinned && version.entry.id != newest[version.distribution]
                && version.entry.id != last[version.distribution]
        }
        candidates.removeAll { position in
            let version = census.versions[position]
            guard let weeks = keepWeeksOf[version.distribution] ?? keepWeeks, let newest = newest[version.distribution],
                newest.date.dayNumber - version.entry.id.date.dayNumber >= 7 * Int64(weeks)
            else { return false }
            remove(position)
            return true
        }
        if let maxBytes {
            candidates.sort { (census.versions[$0].entry.id, $0) < (census.versions[$1].entry.id, $1) }
            // One whose bytes lie at a vendor's makes no room.
            for position in candidates where choice.keptBytes > maxBytes && !census.versions[position].all.isEmpty {
                remove(position)
            }
        }
        choice.goes.sort()
        return choice
    }
}
