/// How long new metadata may be used, in days.
///
/// Short for what is renewed by a timer, since a mirror can hold back updates for so long; long for what people sign.
package struct RepositoryLifetimes: Sendable {
    package var root = 365
    package var targets = 365
    package var snapshot = 30
    package var timestamp = 7

    package init() {}

    func expiry(of role: String, from now: UTCTime) -> JSONValue {
        let days =
            switch TopLevelRole(rawValue: role) {
            case .root: root
            case .snapshot: snapshot
            case .timestamp: timestamp
            case .targets, nil: targets
            }
        return .string(now.adding(seconds: days * 86_400).description)
    }
}
