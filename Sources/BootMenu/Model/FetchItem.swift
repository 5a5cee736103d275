import Boot

/// A version that is being downloaded for offline use.
package struct FetchItem: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        case running, done, stopped
        case failed(String)
    }

    package let number: Int
    package let image: VersionKey
    package let extent: VersionFetch.Extent
    package var state: State
    package var done: UInt64
    package var total: UInt64
    /// Bytes a second.
    package var rate: UInt64

    package init(
        number: Int, image: VersionKey, extent: VersionFetch.Extent, state: State = .running, done: UInt64 = 0,
        total: UInt64 = 0,
        rate: UInt64 = 0
    ) {
        self.number = number
        self.image = image
        self.extent = extent
        self.state = state
        self.done = done
        self.total = total
        self.rate = rate
    }
}

extension VersionFetch.Extent {
    /// As messages name it.
    var title: String { self == .bootSet ? "boot set" : "whole image" }
}
