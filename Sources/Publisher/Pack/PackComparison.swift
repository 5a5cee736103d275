import Catalog
import ContentAddress
import ImageIndex
import Linux

/// Compares the pages of boot packs with the images that they are of: readers take them on the signature's word.
struct PackComparison {
    private let contents: TreeContents
    private let store: ChunkStoreFolder

    init(_ tree: PublishedTree, _ contents: TreeContents) {
        (self.contents, store) = (contents, ChunkStoreFolder(path: tree.blocks))
    }

    /// What is wrong with a version's pack, as a phrase; nil where nothing is, or where blocks and pieces are missing or damaged, which
    /// is another problem.
    /// - Parameter read: nil compares in any case; else only a pack is compared of which a piece is among these.
    /// - Throws: ``PublisherError/compression(reason:)`` when there is no memory.
    func fault(
        of pack: PublishedPack, _ version: DistributionVersion, unlessNoneOf read: Set<BlockID>? = nil
    ) throws(PublisherError) -> String? {
        guard let path = contents.path(of: pack.pack) else { return "it is not signed" }
        // What is missing, or not as it was signed, is found among the targets; and the bound is the reader's.
        guard let bytes = try? FileContents.read(path, limit: BootPack.Bounds.file),
            contents.file(pack.pack)?.identity.mismatch(bytes) == nil
        else { return isTooLong(path) ? "it is longer than readers take" : nil }
        let list: BootPack
        do throws(ImageIndexError) { list = try BootPack(text: String(decoding: bytes, as: UTF8.self)) } catch {
            return "\(error)"
        }
        // An index that cannot be read is a problem of its own.
        guard let index = try? contents.index(version.index), let digest = try? contents.digest(of: version.index)
        else { return nil }
        do throws(ImageIndexError) { try list.check(index: digest, imageSize: index.imageSize) } catch {
            return "it is of another version, or its image was made again"
        }
        guard pack.basis == list.basis?.version else { return "the catalog says that it has another basis" }
        guard UInt64(list.size) == pack.size else {
            return "the catalog says \(pack.size) bytes, the pack has \(list.size)"
        }
        if let read, !list.pieces.contains(where: { read.contains($0.id) }) { return nil }
        let image = try StoredImage(index, name: version.index, store: store)
        let verifier = try BlockVerifier(store: store)
        for (number, piece) in list.pieces.enumerated() {
            let wanted = WantedBlock(
                id: piece.id, length: piece.length, algorithm: index.algorithm, version: version.id.text)
            // What is missing or damaged was found before, with its name.
            guard let bytes = try? verifier.bytes(of: wanted),
                let page = firstDifference(bytes, list.runs(ofPiece: number), image)
            else { continue }
            return "page \(page) is not what the image has there"
        }
        return nil
    }

    private func isTooLong(_ path: String) -> Bool {
        // What is not there is found among the targets.
        guard let status = try? Paths.status(path) else { return false }
        return status.size > BootPack.Bounds.file
    }

    /// The first page that differs; nil where none does.
    private func firstDifference(_ bytes: [UInt8], _ runs: [PageRun], _ image: StoredImage) -> Int? {
        var offset = 0
        for run in runs {
            var own: [UInt8] = []
            // A damaged block was found before, with its name.
            guard (try? image.add(run, to: &own)) != nil else { return nil }
            let other = bytes[min(offset, bytes.count)..<min(offset + own.count, bytes.count)]
            if !other.elementsEqual(own) {
                let same = zip(other, own).prefix { $0 == $1 }.count
                return run.start + same / PageRun.pageSize
            }
            offset += own.count
        }
        return nil
    }
}
