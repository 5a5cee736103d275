import Boot

/// A version that is being downloaded for offline use.
package struct FetchItem: Sendable, Hashable {
    package enum State: Sendable, Hashable {
        case running, done, stopped
        case failed(String)
    }

    /// What is being done to make a version start warm.
    package enum Warming: Sendable, Hashable {
        case fetching, booting, saving
    }

    package let number: Int
    package let image: VersionKey
    package let extent: VersionFetch.Extent
    /// Nil for a version that is only downloaded.
    package var warming: Warming?
    package var state: State
    package var done: UInt64
    package var total: UInt64
    /// Bytes a second.
    package var rate: UInt64

    package init(
        number: Int, image: VersionKey, extent: VersionFetch.Extent, state: State = .running, done: UInt64 = 0,
        total: UInt64 = 0,
        rate: UInt64 = 0, warming: Warming? = nil
    ) {
        self.number = number
        self.image = image
        self.extent = extent
        self.state = state
        self.done = done
        self.total = total
        self.rate = rate
        self.warming = warming
    }

    /// How far it is: `fetching, 57 %`.
    var text: String {
        switch warming {
        case .booting: return "booting it once"
        case .saving: return "saving its memory"
        case .fetching where total == 0: return "being prepared"
        case .fetching, nil: return "fetching, \(total == 0 ? 0 : done * 100 / total) %"
        }
    }
}

extension VersionFetch.Extent {
    /// As messages name it.
    var title: String { self == .bootSet ? "boot set" : "whole image" }
}
