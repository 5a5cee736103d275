import ContentAddress
import Linux

/// The blocks that a boot touches, by first touch; a `.bootset` file.
///
/// A text: `oscircular-bootset 1`, then one 64-hex block id a line.
package struct BootSet: Sendable, Equatable {
    /// Without repetitions.
    package let ids: [BlockID]

    private static let header = "oscircular-bootset 1"
    /// Lines after the header, at most: 64 GiB of blocks.
    package static let longest = 262_144
    /// Bytes of the longest file.
    package static let longestFile = 64 + longest * 65

    /// - Parameter ids: by first touch; what repeats, and what lies past ``longest``, is left out.
    package init(_ ids: some Sequence<BlockID>) {
        var seen: Set<BlockID> = []
        var distinct: [BlockID] = []
        for id in ids where seen.insert(id).inserted {
            distinct.append(id)
            if distinct.count == BootSet.longest { break }
        }
        self.ids = distinct
    }

    /// Reads a file's text.
    /// - Throws: ``ImageIndexError/malformed(reason:)``: another header, a line that is not an id, too many lines.
    package init(text: String) throws(ImageIndexError) {
        var lines = text.utf8.split(separator: 10, omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst(), Substring(first) == BootSet.header else {
            throw .malformed(reason: "a boot set begins with '\(BootSet.header)'")
        }
        if lines.last?.isEmpty == true { lines.removeLast() }
        guard lines.count <= BootSet.longest else {
            throw .malformed(reason: "a boot set of more than \(BootSet.longest) blocks")
        }
        var ids: [BlockID] = []
        ids.reserveCapacity(lines.count)
        for line in lines {
            guard let id = BlockID(hex: Substring(line)) else {
                throw .malformed(reason: "line \(ids.count + 2) of the boot set is not a block id")
            }
            ids.append(id)
        }
        self.init(ids)
    }

    /// Reads a file.
    /// - Throws: ``ImageIndexError``.
    package init(path: String) throws(ImageIndexError) {
        let text: String
        do {
            text = try FileContents.readText(path, limit: BootSet.longestFile)
        } catch {
            throw .file(error)
        }
        try self.init(text: text)
    }

    /// The file's text.
    package var text: String {
        var text = BootSet.header + "\n"
        text.reserveCapacity(text.utf8.count + ids.count * 65)
        for id in ids {
            text += id.hex
            text += "\n"
        }
        return text
    }

    /// These blocks, then those of `later` that are not among them.
    package func union(_ later: BootSet) -> BootSet { BootSet(ids + later.ids) }

    /// The blocks as an image has them, in the set's order. Ids that are not in the image, and holes, are left out.
    /// - Throws: ``ImageIndexError``.
    package func blocks(of index: ImageIndex) throws -> [IndexedBlock] {
        let wanted = Set(ids)
        var found: [BlockID: IndexedBlock] = [:]
        try index.forEachBlock { block in
            if wanted.contains(block.id) && !block.isHole && found[block.id] == nil { found[block.id] = block }
        }
        return ids.compactMap { found[$0] }
    }
}
