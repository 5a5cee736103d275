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
}
