/// How much of each version's blocks every other version of its distribution has.
struct VersionShares {
    /// Ids, the oldest first.
    let versions: [String]
    /// `[row][column]`: of the row's bytes in the store, the part (0 to 1) that the column's version has too.
    let parts: [[Double]]

    /// Versions that are compared at most; the newest.
    private static let most = 26

    init(of distribution: String, _ census: BlockCensus) {
        let compared = census.versions.filter { $0.distribution == distribution }.suffix(VersionShares.most)
        let sets = compared.map { Set($0.distinct) }
        versions = compared.map(\.entry.id.text)
        parts = sets.map { row in
            let all = census.bytes(of: row)
            return sets.map { column in
                all == 0 ? 1 : Double(census.bytes(of: row.lazy.filter(column.contains))) / Double(all)
            }
        }
    }
}
