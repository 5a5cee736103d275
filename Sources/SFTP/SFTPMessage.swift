/// Messages of the SSH File Transfer Protocol, version 3 (draft-ietf-secsh-filexfer-02): numbers in network order, texts with their length.
enum SFTPMessage {
    /// The kinds of messages that are used here.
    enum Kind: UInt8 {
        case initialize = 1
        case version = 2
        case open = 3
        case close = 4
        case read = 5
        case write = 6
        case statusOfName = 7
        case statusOfHandle = 8
        case openFolder = 11
        case readFolder = 12
        case remove = 13
        case makeFolder = 14
        case status = 17
        case rename = 18
        case answer = 101
        case handle = 102
        case data = 103
        case names = 104
        case attributes = 105
        case extended = 200
    }

    /// Bytes of a message: what servers send at most, with room for headers.
    static let lengths = 5...(256 << 10) + 1024
}

/// Writes the parts of a message.
struct SFTPWriter {
    private(set) var bytes: [UInt8] = []

    mutating func add(_ number: UInt32) { withUnsafeBytes(of: number.bigEndian) { bytes += $0 } }
    mutating func add(_ number: UInt64) { withUnsafeBytes(of: number.bigEndian) { bytes += $0 } }

    mutating func add(_ text: some Collection<UInt8>) {
        add(UInt32(text.count))
        bytes += text
    }

    /// Permission bits alone, as attributes.
    mutating func add(permissions: UInt32) {
        add(SFTPAttributes.permissionsFlag)
        add(permissions)
    }
}

/// Reads the parts of a message that anybody may have written: each read is checked.
struct SFTPReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) { rest = Array(bytes)[...] }

    var isAtEnd: Bool { rest.isEmpty }
    var count: Int { rest.count }

    mutating func number() throws(SFTPError) -> UInt32 {
        guard rest.count >= 4 else { throw .malformed("a message is too short") }
        defer { rest.removeFirst(4) }
        return rest.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func long() throws(SFTPError) -> UInt64 {
        let high = try number()
        return try UInt64(high) << 32 | UInt64(number())
    }

    mutating func text() throws(SFTPError) -> [UInt8] {
        let length = Int(try number())
        guard length <= rest.count else { throw .malformed("a text is longer than its message") }
        defer { rest.removeFirst(length) }
        return Array(rest.prefix(length))
    }

    mutating func attributes() throws(SFTPError) -> SFTPAttributes {
        let flags = try number()
        var attributes = SFTPAttributes()
        if flags & 1 != 0 { attributes.size = try long() }
        if flags & 2 != 0 { (_, _) = (try number(), try number()) }
        if flags & SFTPAttributes.permissionsFlag != 0 { attributes.permissions = try number() }
        if flags & 8 != 0 { (_, _) = (try number(), try number()) }
        if flags & 0x8000_0000 != 0 {
            let pairs = try number()
            // Each takes eight bytes at least.
            guard Int(pairs) <= rest.count / 8 else { throw .malformed("a message is too short") }
            for _ in 0..<pairs { (_, _) = (try text(), try text()) }
        }
        return attributes
    }
}

/// What the server says of a file.
struct SFTPAttributes: Sendable, Equatable {
    static let permissionsFlag: UInt32 = 4

    /// Bytes; nil where it does not say.
    var size: UInt64?
    /// As `st_mode`; nil where it does not say.
    var permissions: UInt32?

    enum Kind: Sendable { case regular, folder, link, special }

    /// nil where it does not say.
    var kind: Kind? {
        permissions.map { mode in
            switch mode & 0o170000 {
            case 0o100000: .regular
            case 0o040000: .folder
            case 0o120000: .link
            default: .special
            }
        }
    }
}
