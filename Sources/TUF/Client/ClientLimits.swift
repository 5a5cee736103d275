/// How much a client takes from a repository before it has been verified.
package struct ClientLimits: Sendable {
    /// New root versions that one refresh follows.
    package var rootRotations = 256
    /// Delegated roles that one search looks into.
    package var delegations = 32
    /// Delegated roles that the searches after one refresh load: more than a catalog has distributions, each of which may have a
    /// publisher of its own.
    package var delegatedFiles = 12_000
    /// Comparisons of one character that a search takes, and that all after one refresh take together: seconds of work. Ten thousand
    /// names in a catalog whose patterns begin with a name of their own need a hundredth.
    package var searchSteps = (one: 20_000_000, all: 200_000_000)
    /// Bytes of a root file.
    package var rootLength = 512_000
    /// Bytes of a timestamp file.
    package var timestampLength = 16_384
    /// Bytes of a snapshot file, whatever the timestamp says.
    package var snapshotLength = 4 << 20
    /// Bytes of a targets file, whatever the snapshot says: room for 100,000 targets.
    package var targetsLength = 32 << 20

    package init() {}

    /// The bytes that a role's kept file may have.
    func length(of role: String) -> Int {
        switch TopLevelRole(rawValue: role) {
        case .root: rootLength
        case .timestamp: timestampLength
        case .snapshot: snapshotLength
        case .targets, nil: targetsLength
        }
    }
}
