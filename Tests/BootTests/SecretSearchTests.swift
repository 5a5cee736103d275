import Linux
import TestSupport
import Testing

@testable import Boot

/// Private keys are noticed before they are published, and programs that only know the words are not.
@Suite struct SecretSearchTests {
    private static let key = Array(
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ\n".utf8)

    private func found(in bytes: [UInt8], pieces: Int) -> String? {
        var search = SecretSearch()
        for start in stride(from: 0, to: bytes.count, by: pieces) {
            let piece = Array(bytes[start..<min(bytes.count, start + pieces)])
            if let found = piece.withUnsafeBytes({ search.look(at: $0) }) { return found }
        }
        return nil
    }

    @Test func aKeyIsFoundWhereverItLies() {
        var random = SeededRandom(seed: 5)
        for place in [0, 1, 30, 4096, 5000] {
            var bytes = random.bytes(10_000)
            bytes.replaceSubrange(place..<place + Self.key.count, with: Self.key)
            // Across the edges of pieces, also of pieces that are shorter than a key.
            for pieces in [7, 64, 1000, 4096, 4097, 20_000] {
                #expect(found(in: bytes, pieces: pieces)?.contains("OpenSSH") == true, "\(place) \(pieces)")
            }
        }
    }

    @Test func theOtherKindsAreFound() {
        for (text, name) in [
            ("-----BEGIN RSA PRIVATE KEY-----\nMIIEow", "RSA"), ("-----BEGIN EC PRIVATE KEY-----\nMHcC", "EC"),
            ("-----BEGIN PRIVATE KEY-----\nMIIE", "private key"),
        ] {
            #expect(found(in: Array("xx\(text)yy".utf8), pieces: 9)?.contains(name) == true, "\(text)")
        }
    }

    @Test func programsThatKnowTheWordsHaveNoKeys() {
        let words =
            "-----BEGIN OPENSSH PRIVATE KEY-----\n\0-----END OPENSSH PRIVATE KEY-----\n\0"
            + "BEGIN RSA PRIVATE KEY-----\n%s\0-----BEGIN PUBLIC KEY-----\nMIIB"
        #expect(found(in: Array(words.utf8), pieces: 10) == nil)
        #expect(found(in: [], pieces: 10) == nil)
    }
}
