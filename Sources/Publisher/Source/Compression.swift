/// One layer of compression, and the program that takes it off.
struct Compression: Sendable, Equatable {
    let program: String
    private let arguments: [String]

    private init(_ program: String, _ arguments: [String] = []) {
        self.program = program
        self.arguments = ["-d", "-c"] + arguments
    }

    private static let beginnings: [(magic: [UInt8], Compression)] = [
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], Compression("xz")),
        // A window of 2 GiB, which --long=31 makes, is the longest; so is the memory.
        ([0x28, 0xB5, 0x2F, 0xFD], Compression("zstd", ["-q", "--long=31", "--sparse"])),
        ([0x1F, 0x8B, 0x08], Compression("gzip")),
        (Array("BZh".utf8), Compression("bzip2")),
        ([0x04, 0x22, 0x4D, 0x18], Compression("lz4", ["--sparse"])),
        ([0x02, 0x21, 0x4C, 0x18], Compression("lz4", ["--sparse"])),
    ]

    /// nil for what is not compressed.
    /// - Throws: ``PublisherError``.
    init?(of source: ImageSource, head: [UInt8]) throws(PublisherError) {
        var (head, offset) = (head, UInt64(0))
        // zstd and lz4 may begin with any number of frames without image data; pzstd always does so.
        for _ in 0..<64 where head.count >= 8 && head[0] & 0xF0 == 0x50 && head.has([0x2A, 0x4D, 0x18], at: 1) {
            offset += 8 + head.number(at: 4, bytes: 4)
            head = try source.bytes(at: offset, count: 16)
        }
        if let known = Compression.beginnings.first(where: { head.has($0.magic) }) {
            self = known.1
            // The digit of bzip2's block size is part of what it begins with, as is its first block's number.
            if program == "bzip2", !Compression.isBzip2(head) { return nil }
        } else if offset == 0, Compression.isLZMA(head, of: source.size) {
            self = Compression("xz", ["--format=lzma"])
        } else {
            return nil
        }
    }

    private static func isBzip2(_ head: [UInt8]) -> Bool {
        // Digits of pi before a block, of its square root at the end of an empty file.
        (0x31...0x39).contains(head.number(at: 3, bytes: 1))
            && (head.has([0x31, 0x41, 0x59, 0x26, 0x53, 0x59], at: 4)
                || head.has([0x17, 0x72, 0x45, 0x38, 0x50, 0x90], at: 4))
    }

    /// The old form of .lzma has no mark: its header's numbers are looked at as liblzma does, and the first byte of its data is 0.
    private static func isLZMA(_ head: [UInt8], of length: UInt64) -> Bool {
        let (dictionary, size) = (head.number(at: 1, bytes: 4), head.number(at: 5, bytes: 8))
        guard head.count > 13, head[0] < 225, head[13] == 0, dictionary >= 4096 else { return false }
        let highest = UInt64(1) << (63 - UInt64(dictionary.leadingZeroBitCount))
        guard dictionary == highest || dictionary == highest + highest / 2 || dictionary == UInt64(UInt32.max) else {
            return false
        }
        // Nothing is much shorter than what it was packed to.
        return size == .max || (size >= length / 2 && size < 1 << 38)
    }

    /// Unpacks a file to a new one.
    /// - Throws: ``PublisherError``; the new file may be there in part then, its owner removes it.
    func unpack(
        _ source: String, to target: String, progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) {
        let words = try Unpacking.run(
            program, arguments, from: source, to: target, progress: progress, cancellation: cancellation)
        // bzip2 accepts whatever follows.
        if program == "bzip2", !words.isEmpty { throw .programFailed(program, status: 0, message: words) }
    }
}
