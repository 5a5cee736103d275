extension DistributionVersion {
    /// Whether its boot set may be derived from another version's, and another's from its own: its blocks are the disk's, as the publisher's
    /// tree has them. In a vendor's file they may lie anywhere.
    package var isDerivable: Bool { source == nil }

    /// The boot set that its own starts were recorded as, relative to `targets/`; nil where there is none.
    package var recordedBootSet: String? { bootSetFrom == nil ? bootSet : nil }
}

extension [DistributionVersion] {
    /// The version that is the nearest in time to another one; nil where there is none. What it reads at its start says the most about what
    /// the other one does. Of two that are as near it is the older.
    package func nearest(to id: VersionID) -> DistributionVersion? {
        func distance(_ other: VersionID) -> (days: Int64, builds: Int) {
            (abs(other.date.dayNumber - id.date.dayNumber), abs(other.number - id.number))
        }
        return self.min { first, second in
            let (one, two) = (distance(first.id), distance(second.id))
            return one == two ? first.id < second.id : one < two
        }
    }
}
