import BlockStore
import Boot
import Catalog
import ContentAddress
import DiskImage
import Formats
import Glibc
import GuestDomain
import ImageIndex
import Linux
import Publisher
import TUF
import Upstream

/// A reader of bytes that come from elsewhere. Any input may be refused; none may crash, hang or fill the memory.
///
/// A new one is a line here and a folder `Corpus/NAME` with some right inputs.
struct FuzzedParser: Sendable {
    let name: String
    let run: @Sendable ([UInt8]) -> Void

    static let all = [
        FuzzedParser(name: "index", run: index),
        FuzzedParser(name: "boot-set", run: bootSet),
        FuzzedParser(name: "boot-pack", run: bootPack),
        FuzzedParser(name: "pages", run: pages),
        FuzzedParser(name: "catalog", run: catalog),
        FuzzedParser(name: "configuration", run: configuration),
        FuzzedParser(name: "chunk", run: chunk),
        FuzzedParser(name: "metadata", run: metadata),
        FuzzedParser(name: "page", run: page),
        FuzzedParser(name: "digest-list", run: digestList),
        FuzzedParser(name: "terminal", run: terminal),
        FuzzedParser(name: "qcow2", run: { disk($0, .qcow2) }),
        FuzzedParser(name: "xz", run: { disk($0, .rawXZ) }),
        FuzzedParser(name: "packed", run: packed),
        FuzzedParser(name: "openpgp", run: openPGP),
        FuzzedParser(name: "clear-signed", run: clearSigned),
        FuzzedParser(name: "torrent", run: torrent),
        FuzzedParser(name: "vendor-table", run: vendorTable),
        FuzzedParser(name: "vendor-tables", run: tables),
        FuzzedParser(name: "listing", run: listing),
        FuzzedParser(name: "ext-header", run: extHeader),
        FuzzedParser(name: "pixmap", run: { picture(try? Pixmap.read($0)) }),
        FuzzedParser(name: "png", run: { picture(try? PNGPicture.read($0)) }),
    ]

    /// The one that the first argument names.
    static let chosen = all.first { $0.name == CommandLine.arguments.dropFirst().first }

    private static func index(_ bytes: [UInt8]) {
        guard let path = file.hold(bytes), let index = try? ImageIndex(path: path) else { return }
        var end: UInt64 = 0
        var count = 0
        do {
            try index.forEachBlock { block in
                precondition(block.offset == end && block.length > 0 && block.position == count)
                end += UInt64(block.length)
                count += 1
            }
            precondition(end == index.imageSize && count == index.count)
            for offset in [0, end / 2, end - 1] {
                let block = try index.block(containing: offset)
                precondition(block.offset <= offset && offset < block.offset + UInt64(block.length))
                let same = try index.block(at: block.position)
                precondition(same == block)
            }
        } catch {
            preconditionFailure("an index that was opened cannot be read: \(error)")
        }
    }

    private static func extHeader(_ bytes: [UInt8]) {
        guard let header = ExtHeader(bytes) else { return }
        precondition(header.uuid.utf8.count == 36 && header.label.unicodeScalars.count <= 16)
    }

    private static func picture(_ read: ScreenPicture?) {
        guard let picture = read else { return }
        precondition(picture.pixels.count == picture.width * picture.height * 3)
        for (width, height) in [(36, 22), (1, 1), (picture.width - 1, picture.height)] {
            let small = picture.scaled(within: width, height)
            precondition(small.width <= max(1, width) && small.height <= max(1, height))
        }
    }

    private static func bootSet(_ bytes: [UInt8]) {
        guard let path = file.hold(bytes) else { return }
        _ = try? BootSet(path: path)
    }

    private static func bootPack(_ bytes: [UInt8]) {
        guard let pack = try? BootPack(text: String(decoding: bytes, as: UTF8.self)) else { return }
        precondition(pack.pieces.reduce(0) { $0 + $1.length } == pack.size)
        precondition(pack.runs.reduce(0) { $0 + $1.count } == pack.pageCount)
        // What we read we can write, and it says the same.
        precondition((try? BootPack(text: pack.text)) == pack)
        for run in [pack.runs[0], pack.runs[pack.runs.count - 1]] {
            let bytes = run.bytes(ofImage: pack.imageSize)
            guard let parts = pack.parts(of: bytes) else { preconditionFailure("a page of the pack is not in it") }
            precondition(parts.reduce(0) { $0 + $1.range.count } == bytes.count && pack.hasPage(in: bytes))
            for part in parts { precondition(part.range.upperBound <= pack.pieces[part.piece].length) }
        }
        for number in [0, pack.pieces.count - 1] { precondition(!pack.runs(ofPiece: number).isEmpty) }
    }

    private static func pages(_ bytes: [UInt8]) {
        guard let pages = try? BootPages(text: String(decoding: bytes, as: UTF8.self)) else { return }
        precondition((try? BootPages(text: pages.text)) == pages)
        precondition(pages.runs.reduce(0) { $0 + $1.count } == pages.count)
    }

    private static func catalog(_ bytes: [UInt8]) {
        guard let document = try? CatalogDocument.decode(bytes) else { return }
        // What we read we can write, and it says the same.
        guard let written = try? document.encode(), let again = try? CatalogDocument.decode(written) else {
            preconditionFailure("what was read cannot be written")
        }
        precondition(again == document)
    }

    private static func tables(_ bytes: [UInt8]) {
        guard let tables = try? VendorTables.decode(bytes) else { return }
        // Written, it may be longer than what is read.
        guard let written = try? tables.encode() else { return }
        guard let again = try? VendorTables.decode(written) else {
            preconditionFailure("what was written cannot be read")
        }
        precondition(again == tables)
    }

    private static func configuration(_ bytes: [UInt8]) {
        var configuration = Configuration()
        try? configuration.apply(String(decoding: bytes, as: UTF8.self), file: "fuzz")
    }

    private static func page(_ bytes: [UInt8]) {
        for name in UpstreamPage(String(decoding: bytes, as: UTF8.self), url: "https://h.example/a/").names {
            precondition(!name.text.contains("/") && !name.urlText.contains("/") && name.text != "..")
        }
    }

    private static func digestList(_ bytes: [UInt8]) {
        let list = DigestList(String(decoding: bytes, as: UTF8.self))
        for isOwn in [false, true] {
            guard case .digest(let hex) = list.finding(for: ["https://h/a/d.raw"], isOwn: isOwn) else { continue }
            precondition(hex.utf8.count == 64 || hex.utf8.count == 128)
        }
    }

    /// Opens a disk, and reads of it what a guest's first reads, and its last, would.
    private static func disk(_ bytes: [UInt8], _ format: DiskFormat) {
        let inspection = DiskInspection(prefix: bytes, claimed: format)
        let file = FuzzedFile(contents: bytes)
        guard let layout = try? format.layout(of: file) else { return }
        precondition(inspection.refusal == nil, "what is refused before it is opened can be opened")
        let size = layout.diskSize
        let step = max(1, size / 8)
        let decoder = UnitDecoder()
        for start in Array(stride(from: 0, to: size, by: Int(clamping: step))) + [size - 1] {
            // An error is as good as bytes.
            try? file.read(start..<min(size, start + 70_000), of: layout, by: decoder)
        }
    }

    /// Unpacks it as each of the packings, cut in two.
    private static func packed(_ bytes: [UInt8]) {
        let most: UInt64 = 8 << 20
        for packing in PackedStream.Packing.allCases {
            guard let stream = try? PackedStream(packing, most: most) else { continue }
            bytes.withUnsafeBytes { bytes in
                let half = bytes.count / 2
                // An error is as good as bytes.
                try? stream.take(UnsafeRawBufferPointer(rebasing: bytes[..<half]), isLast: false) { _ in }
                // The same.
                try? stream.take(UnsafeRawBufferPointer(rebasing: bytes[half...]), isLast: true) { _ in }
            }
        }
    }

    /// How the text is cut comes first: one byte.
    private static func terminal(_ bytes: [UInt8]) {
        guard let first = bytes.first else { return }
        let text = bytes.dropFirst()
        for target in TerminalFilter.Target.allCases {
            var whole = TerminalFilter(for: target)
            let passed = whole.pass(text)
            var cut = TerminalFilter(for: target)
            let pieces = cut.pass(text.prefix(Int(first))) + cut.pass(text.dropFirst(Int(first)))
            precondition(pieces == passed && cut.reset == whole.reset)
            var again = TerminalFilter(for: target)
            precondition(again.pass(passed) == passed)
            precondition(!holdsQuestions(passed, target))
        }
    }

    /// Whether a terminal would answer, or do something else than draw: found by other means than the filter's.
    private static func holdsQuestions(_ passed: [UInt8], _ target: TerminalFilter.Target) -> Bool {
        var previous: UInt8 = 0
        var parameters: [UInt8]?
        for byte in passed {
            if let begun = parameters {
                if !(0x40...0x7E).contains(byte) {
                    parameters = begun + [byte]
                } else {
                    parameters = nil
                    if "cnxtipy".utf8.contains(byte) && !(byte == 0x70 && begun == [0x21]) { return true }
                }
            } else if previous == 0x1B {
                if target == .text || "]PX^_kZc".utf8.contains(byte) { return true }
                if byte == 0x5B { parameters = [] }
            }
            if byte == 0x05 || byte == 0x18 { return true }
            if target == .byteTerminal, (0x80...0x9F).contains(byte) { return true }
            previous = byte
        }
        return false
    }

    private static func metadata(_ bytes: [UInt8]) {
        guard let document = try? SignedDocument(bytes, maximumLength: 65_536) else { return }
        _ = try? RootMetadata(document)
        _ = try? TimestampMetadata(document)
        _ = try? SnapshotMetadata(document)
        _ = try? TargetsMetadata(document)
        // What is written again says the same, and so is signed by the same.
        guard let again = try? SignedDocument(document.bytes, maximumLength: 1 << 20) else {
            preconditionFailure("what was read cannot be written")
        }
        precondition(again.signedBytes == document.signedBytes)
    }

    /// The length that is asked for comes first: two bytes.
    private static func chunk(_ bytes: [UInt8]) {
        guard bytes.count > 2 else { return }
        let length = 1 + Int(bytes[0]) + Int(bytes[1]) << 8
        let id = DigestAlgorithm.sha256.blockID(of: UnsafeRawBufferPointer(start: nil, count: 0))
        let request = BlockRequest(id: id, length: length, algorithm: .sha256)
        let block = bytes.dropFirst(2).withUnsafeBytes {
            try? ChunkDecoder().decode(compressed: $0, for: request, place: "fuzz")
        }
        precondition(block == nil, "no block of this length has the digest of nothing")
    }

    /// Where readers of files find the input.
    private static let file = MemoryFile()
}

/// A file in memory, whose readers must stay inside.
private struct FuzzedFile: DiskFile {
    let contents: [UInt8]

    var size: UInt64 { UInt64(contents.count) }

    func bytes(in range: Range<UInt64>) -> [UInt8] { Array(contents[Int(range.lowerBound)..<Int(range.upperBound)]) }

    func read(_ range: Range<UInt64>, of layout: any DiskLayout, by decoder: UnitDecoder) throws {
        var finding = try layout.find(range)
        var rounds = 0
        while case .tables(let tables) = finding {
            rounds += 1
            precondition(rounds < 3, "tables that were taken are wanted again")
            for table in tables { try bytes(in: table).withUnsafeBytes { try layout.take(table: table, $0) } }
            finding = try layout.find(range)
        }
        guard case .parts(let parts) = finding else { return }
        precondition(parts.map(\.count).reduce(0, +) == range.count && parts.allSatisfy { $0.count > 0 })
        for part in parts {
            switch part.source {
            case .zeros: break
            case .stored(let offset): precondition(offset + UInt64(part.count) <= size)
            case .unit(let unit, let from):
                precondition(from + part.count <= unit.length && unit.length <= layout.longestUnit)
                let output = UnsafeMutableRawBufferPointer.allocate(byteCount: unit.length, alignment: 16)
                defer { output.deallocate() }
                try bytes(in: unit.stored).withUnsafeBytes { try layout.decode(unit, $0, into: output, by: decoder) }
            }
        }
    }
}
