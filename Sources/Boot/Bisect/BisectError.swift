import Linux

/// Why a bisect cannot begin or go on.
package enum BisectError: Error, Sendable, Equatable {
    /// No bisect has begun: of this system, or, nil, of any.
    case none(BisectedSystem?)
    /// Several are open, and it was not said which one is meant.
    case several([BisectedSystem])
    /// One with other versions has begun.
    case open(BisectedSystem, good: String, bad: String)
    /// The same version cannot be good and bad.
    case same(String)
    /// The good version must be the older one.
    case backwards(good: String, bad: String)
    /// More versions than anybody has.
    case tooMany(BisectedSystem, most: Int)
    case refused(BisectedSystem, Bisection.Refusal)
    /// Nothing is left to be said of: it is found, or nobody can tell.
    case over(BisectedSystem)
    /// Another command works on it.
    case busy(BisectedSystem)
    /// What is stored of it cannot be used.
    case damaged(BisectedSystem, path: String, reason: String)
    /// A later release wrote it.
    case newer(BisectedSystem, format: Int)
    /// The test cannot be used; why, as a phrase.
    case test(String, reason: String)
    /// Nobody can log in even to the version that is known to be good, or run the test there.
    case goodUnreachable(String, reason: String)
    /// The test does not say good of the version that is known to be good.
    case goodFails(String, code: Int32)
    /// Nobody could log in to the version, and what that means was not said.
    case notUp(String, reason: String)
    case file(SystemCallError)

    static func wrap<Value>(_ body: () throws(SystemCallError) -> Value) throws(BisectError) -> Value {
        do throws(SystemCallError) { return try body() } catch { throw .file(error) }
    }
}

/// A catalog's system, whose versions are tried.
package struct BisectedSystem: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let catalog: String
    package let distribution: String

    package init(catalog: String, distribution: String) {
        (self.catalog, self.distribution) = (catalog, distribution)
    }

    package var description: String { "\(catalog)/\(distribution)" }

    package func key(_ version: String) -> VersionKey {
        VersionKey(catalog: catalog, distribution: distribution, version: version)
    }

    package static func < (left: BisectedSystem, right: BisectedSystem) -> Bool {
        (left.distribution, left.catalog) < (right.distribution, right.catalog)
    }
}
