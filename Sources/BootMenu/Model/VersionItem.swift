/// A version as the menu shows it. Sizes in bytes, times in seconds since 1970; nil where not known.
package struct VersionItem: Sendable, Hashable {
    package var id: String
    package var published: Int64
    /// What changed, in the publisher's words.
    package var notes: String
    /// Of the image.
    package var size: UInt64
    /// Of the image without its holes.
    package var content: UInt64?
    /// What must still come over the line to boot.
    package var toBoot: UInt64?
    /// What is here already.
    package var here: UInt64?
    /// What is new since the version that was run last.
    package var new: UInt64?
    /// What differs from the next older version.
    package var changed: UInt64?
    package var offline: OfflineState
    package var isPinned: Bool
    /// When it was run last.
    package var lastRun: Int64?
    /// Of the image; empty where not known.
    package var digest: String
    /// The index's place in the tree.
    package var index: String
    package var login: String

    package init(
        id: String, published: Int64, notes: String = "", size: UInt64, content: UInt64? = nil, toBoot: UInt64? = nil,
        here: UInt64? = nil,
        new: UInt64? = nil, changed: UInt64? = nil, offline: OfflineState = .no, isPinned: Bool = false,
        lastRun: Int64? = nil, digest: String = "", index: String = "", login: String = ""
    ) {
        self.id = id
        self.published = published
        self.notes = notes
        self.size = size
        self.content = content
        self.toBoot = toBoot
        self.here = here
        self.new = new
        self.changed = changed
        self.offline = offline
        self.isPinned = isPinned
        self.lastRun = lastRun
        self.digest = digest
        self.index = index
        self.login = login
    }

    /// What the whole image still needs, at most.
    var missing: UInt64 {
        let all = content ?? size
        return all - min(all, here ?? 0)
    }

    /// The id of a version built on this day, such as `2026-11-16`.
    package static func id(of published: Int64) -> String { Words.date(published) }
}
