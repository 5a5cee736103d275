import Linux

/// Looks for private keys in what is to be published, piece by piece: what a guest had in a file is in its memory as well, and on its disk.
///
/// It is the second look. The guest itself is asked first whether it has made any, and what it has freed is overwritten; a system that does
/// neither is noticed here.
struct SecretSearch {
    /// How the keys of OpenSSH and OpenSSL begin, with as much of what follows as programs that only know the words do not have.
    private static let beginnings: [(bytes: [UInt8], name: String)] = [
        ("OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA", "a private key of OpenSSH, such as a host key"),
        ("RSA PRIVATE KEY-----\nMII", "a private RSA key"), ("DSA PRIVATE KEY-----\nMII", "a private DSA key"),
        ("EC PRIVATE KEY-----\nMH", "a private EC key"), ("EC PRIVATE KEY-----\nMI", "a private EC key"),
        ("-----BEGIN PRIVATE KEY-----\nM", "a private key"),
    ].map { (Array($0.0.utf8), $0.1) }
    /// What all of them have.
    private static let mark = Array("PRIVATE KEY-----\n".utf8)
    /// Bytes before the mark, and from it on, that may belong to one.
    private static let (before, after) = (32, 64)

    /// The end of what came, for one that lies across two pieces.
    private var tail: [UInt8] = []

    /// - Returns: what was found, in words that go on after "the state has "; nil for nothing.
    mutating func look(at piece: UnsafeRawBufferPointer) -> String? {
        let edge = tail + piece.prefix(SecretSearch.before + SecretSearch.after)
        if let found = edge.withUnsafeBytes(SecretSearch.find) ?? SecretSearch.find(piece) { return found }
        tail = Array(
            (tail + piece.suffix(SecretSearch.before + SecretSearch.after)).suffix(
                SecretSearch.before + SecretSearch.after))
        return nil
    }

    private static func find(_ bytes: UnsafeRawBufferPointer) -> String? {
        var position = 0
        while let place = bytes.firstOffset(of: mark, from: position) {
            let start = max(0, place - before)
            let around = UnsafeRawBufferPointer(rebasing: bytes[start..<min(bytes.count, place + after)])
            if let found = beginnings.first(where: { around.firstOffset(of: $0.bytes) != nil }) { return found.name }
            position = place + 1
        }
        return nil
    }
}
