/// Why there is no tiny guest to boot.
package enum TinyGuestError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Neither XDG_CACHE_HOME nor HOME says where to keep the disk.
    case noHome
    /// The script ended with this exit code (128 plus the number of a signal); its words are on standard error.
    case buildFailed(script: String, status: Int32)

    package var description: String {
        switch self {
        case .noHome: "no tiny guest: set HOME or XDG_CACHE_HOME"
        case .buildFailed(let script, let status): "no tiny guest: \(script) ended with \(status)"
        }
    }
}
