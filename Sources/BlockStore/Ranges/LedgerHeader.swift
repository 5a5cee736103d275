import ContentAddress
import Linux

/// The first 64 bytes of a ``PieceLedger``'s file.
struct LedgerHeader {
    static let length = 64
    private static let magic = Array("oscpiec1".utf8)

    let key: PieceKey
    let pieceLength: UInt64
    let fileSize: UInt64
    var state = State.open

    /// What is known of the whole file.
    enum State: UInt64 {
        case open = 0
        /// It was there once and was right.
        case finished = 1
        /// It was there once and was not what its vendor says.
        case wrong = 2
    }

    private static let statePlace = 48

    init(key: PieceKey, pieceLength: UInt64, fileSize: UInt64) {
        self.key = key
        self.pieceLength = pieceLength
        self.fileSize = fileSize
    }

    /// Reads a file's header; nil when it has none.
    init?(of file: FileHandle) throws(SystemCallError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LedgerHeader.length, alignment: 8)
        defer { buffer.deallocate() }
        guard try file.read(into: buffer, at: 0) == LedgerHeader.length, buffer.starts(with: LedgerHeader.magic) else {
            return nil
        }
        key = PieceKey(bytes: UnsafeRawBufferPointer(rebasing: buffer[8...]))
        let numbers = (4..<7).map { UInt64(littleEndian: buffer.load(fromByteOffset: 8 * $0, as: UInt64.self)) }
        (pieceLength, fileSize, state) = (numbers[0], numbers[1], State(rawValue: numbers[2]) ?? .open)
    }

    /// The state alone, of a file that has a header.
    static func state(of file: FileHandle) throws(SystemCallError) -> State {
        var number: UInt64 = 0
        var failure: SystemCallError?
        withUnsafeMutableBytes(of: &number) { buffer in
            do throws(SystemCallError) { _ = try file.read(into: buffer, at: statePlace) } catch { failure = error }
        }
        if let failure { throw failure }
        return State(rawValue: UInt64(littleEndian: number)) ?? .open
    }

    /// Whether a file ends before a header's end, or has zeros in its place: nobody has come as far as to write one.
    static func isUnwritten(in file: FileHandle) throws(SystemCallError) -> Bool {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: LedgerHeader.length, alignment: 8)
        defer { buffer.deallocate() }
        let count = try file.read(into: buffer, at: 0)
        return count < LedgerHeader.length || buffer.allSatisfy { $0 == 0 }
    }

    /// Whether it is of the same file, cut in the same way.
    func isOf(_ other: LedgerHeader) -> Bool {
        key == other.key && pieceLength == other.pieceLength && fileSize == other.fileSize
    }

    var bytes: [UInt8] {
        var bytes = LedgerHeader.magic + key.withUnsafeBytes { Array($0) }
        for number in [pieceLength, fileSize, state.rawValue, 0] as [UInt64] {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        return bytes
    }
}
