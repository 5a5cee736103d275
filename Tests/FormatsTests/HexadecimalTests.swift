import Formats
import Testing

@Suite struct HexadecimalTests {
    @Test func everyByteHasTwoLowerCaseDigits() {
        for byte in UInt8.min...UInt8.max {
            let digits = String(byte, radix: 16)
            #expect(Hexadecimal.string(of: [byte]) == (digits.count == 1 ? "0" : "") + digits)
            #expect(Hexadecimal.bytes(Hexadecimal.string(of: [byte])) == [byte])
            #expect(Hexadecimal.bytes(Hexadecimal.string(of: [byte]).uppercased()) == [byte])
        }
        #expect(Hexadecimal.string(of: []) == "")
        let bytes: [UInt8] = [0xDE, 0xAD, 0x00]
        #expect(bytes.withUnsafeBytes { Hexadecimal.string(of: $0) } == "dead00")
    }

    @Test(arguments: ["0", "abc", "0g", "0x10", " 00", "+1", "é0", "００"])
    func whatIsNotPairsOfDigitsIsRefused(_ text: String) {
        #expect(Hexadecimal.bytes(text) == nil)
    }

    @Test func onlyDigitsHaveValues() {
        for byte in UInt8.min...UInt8.max {
            let expected = byte < 128 ? Character(UnicodeScalar(byte)).hexDigitValue.map { UInt8($0) } : nil
            #expect(Hexadecimal.value(of: byte) == expected)
        }
    }
}

@Suite struct PercentEncodingTests {
    @Test(arguments: [
        ("plain-Name_1.0~x", "plain-Name_1.0~x"), ("a/b c", "a%2Fb%20c"), ("é", "%C3%A9"), ("%", "%25"), ("", ""),
        ("\u{0}\u{7F}", "%00%7F"), ("root.json", "root.json"),
    ])
    func whatIsReservedIsEncoded(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text, keeping: .unreserved) == encoded)
        #expect(PercentEncoding.decodeText(encoded) == text)
        #expect(PercentEncoding.decodeText(encoded.lowercased()) == text.lowercased())
    }

    @Test func whatIsKeptStaysAndNothingElse() {
        let kept = PercentEncoding.Kept.unreserved + "/:@"
        for byte in UInt8.min..<128 {
            let text = String(UnicodeScalar(byte))
            let isKept =
                byte < 128 && (text.first.map { $0.isLetter || $0.isNumber || "-._~/:@".contains($0) } ?? false)
            #expect(kept.contains(byte) == isKept)
            let encoded = PercentEncoding.encode(text, keeping: kept)
            #expect(encoded == (isKept ? text : PercentEncoding.escape(byte)))
        }
        #expect(!kept.contains(128) && !kept.contains(255))
    }

    @Test func namesBecomeFileNamesAndPathsStayPaths() {
        #expect(PercentEncoding.fileName(of: "a/b%41.json") == "a%2Fb%2541.json")
        #expect(PercentEncoding.urlPath(of: "a b/ö%2F+?#.json") == "a%20b/%C3%B6%2F+%3F%23.json")
    }

    @Test func digitsComeInBothCases() {
        #expect(PercentEncoding.encode("{ö", keeping: .alphanumeric, digits: .lower) == "%7b%c3%b6")
        #expect(PercentEncoding.escape(0x0A) == "%0A")
    }

    @Test(arguments: ["%", "%4", "a%4", "%zz", "%+1", "%1", "%%41"])
    func anEscapeWithoutTwoDigitsIsRefused(_ text: String) {
        #expect(PercentEncoding.decode(text.utf8) == nil)
    }

    @Test func bytesThatAreNotUTF8AreNoText() {
        #expect(PercentEncoding.decode("%FF".utf8) == [0xFF])
        #expect(PercentEncoding.decodeText("%FF") == nil)
    }
}
