import Formats
import Testing

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func encodesTheExamplesOfRFC4648(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
    }

    @Test func linesAreAsLongAsMIMEAllows() {
        let bytes = (0..<115).map { UInt8($0) }
        let lines = Base64.lines(bytes).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.map(\.count) == [76, 76, 4, 0])
        #expect(lines.joined() == Base64.encode(bytes))
        #expect(Base64.lines([]) == "")
    }

    /// RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func textIsDecoded(plain: String, encoded: String) {
        #expect(Base64.bytes(encoded) == Array(plain.utf8))
        #expect(Base64.bytes(encoded.filter { $0 != "=" }, padded: false) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg=", "Zg", "Zh==", "Z", "Zg==Zg==", "Zm9v\n", "Zm 9v", "====", "Zm9-", "Zg==="])
    func anythingElseIsRefused(text: String) {
        #expect(Base64.bytes(text) == nil)
    }

    @Test func paddingIsNotExpectedWhereThereIsNone() {
        #expect(Base64.bytes("Zg==", padded: false) == nil)
        #expect(Base64.bytes("Z", padded: false) == nil)
    }
}
