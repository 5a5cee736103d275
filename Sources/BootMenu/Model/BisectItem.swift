import Boot
import Catalog

/// A system's bisect as the menu shows it.
package struct BisectItem: Sendable, Equatable {
    /// What is known of a version.
    package enum Mark: Sendable, Hashable {
        /// `isSaid`: not only because it follows from others.
        case good(isSaid: Bool)
        case bad(isSaid: Bool)
        case skipped
        /// It cannot be booted now.
        case gone
        /// It is the one to be tried.
        case next
        case untried

        var word: String {
            switch self {
            case .good: "good"
            case .bad: "bad"
            case .skipped: "skipped"
            case .gone: "left out"
            case .next: "try this one"
            case .untried: ""
            }
        }
    }

    package struct Row: Sendable, Hashable {
        package let version: String
        package let mark: Mark
        /// Why it was skipped or is left out; empty for the others.
        package let why: String

        init(version: String, mark: Mark, why: String = "") {
            (self.version, self.mark, self.why) = (version, mark, why)
        }
    }

    package let system: SystemName
    /// The newest first.
    package let rows: [Row]
    package let summary: BisectSummary

    package init(_ record: BisectRecord, gone: [String: String] = [:], distribution: Distribution? = nil) {
        system = SystemName(catalog: record.catalog, distribution: record.distribution)
        summary = BisectSummary(record, gone: gone, system: distribution)
        let (bisection, next) = (record.bisection, summary.next)
        rows = record.versions.reversed().map { version in
            let said = record.answers.first { $0.version == version }
            let isSaid = said != nil || version == record.good || version == record.bad
            switch bisection?.known(version) {
            case .good: return Row(version: version, mark: .good(isSaid: isSaid))
            case .bad: return Row(version: version, mark: .bad(isSaid: isSaid))
            case .skip: return Row(version: version, mark: .skipped, why: said?.reason ?? "")
            case nil:
                if let why = gone[version] { return Row(version: version, mark: .gone, why: why) }
                return Row(version: version, mark: version == next ? .next : .untried)
            }
        }
    }
}
