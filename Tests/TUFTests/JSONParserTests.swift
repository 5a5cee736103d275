import TUF
import Testing

@Suite struct JSONParserTests {
    private static func parse(_ text: String) throws(JSONError) -> JSONValue {
        try JSONParser.parse(Array(text.utf8), maximumLength: 1 << 20)
    }

    private static func failure(_ bytes: [UInt8]) -> JSONError? {
        do throws(JSONError) {
            _ = try JSONParser.parse(bytes, maximumLength: 1 << 20)
            return nil
        } catch {
            return error
        }
    }

    @Test func writesCanonicalJSON() throws {
        let text = #" { "b" : [ 1 , -2, true ,false,null,"x"], "a":{},"é":"\u00e9\n\"\\\/","B":[ ] , "ab": 0} "#
        let canonical = String(decoding: CanonicalJSON.encode(try Self.parse(text)), as: UTF8.self)
        #expect(canonical == "{\"B\":[],\"a\":{},\"ab\":0,\"b\":[1,-2,true,false,null,\"x\"],\"é\":\"é\n\\\"\\\\/\"}")
    }

    @Test func ordersNamesByTheirBytes() throws {
        // U+FF5E comes before U+1F600 in UTF-8 and behind it in UTF-16.
        let text = "{\"😀\":1,\"～\":2,\"z\":3,\"Z\":4}"
        #expect(
            String(decoding: CanonicalJSON.encode(try Self.parse(text)), as: UTF8.self)
                == "{\"Z\":4,\"z\":3,\"～\":2,\"😀\":1}")
    }

    @Test func tellsTwoSpellingsOfALetterApart() throws {
        let table = try #require(try Self.parse("{\"\u{e9}\":1,\"e\u{301}\":2}").object)
        #expect(table.entries.count == 2)
        #expect(table["\u{e9}"]?.integer == 1 && table["e\u{301}"]?.integer == 2)
    }

    @Test func refusesDuplicateKeys() {
        #expect(Self.failure(Array("{\"a\":1,\"b\":2,\"a\":1}".utf8)) == .duplicateKey("a"))
        #expect(Self.failure(Array(#"{"x":[{"a":1,"\u0061":2}]}"#.utf8)) == .duplicateKey("a"))
    }

    @Test func refusesDeepNesting() throws {
        let levels = JSONParser.maximumDepth
        let fits = String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        _ = try Self.parse(fits)
        #expect(Self.failure(Array("[\(fits)]".utf8)) == .tooDeep(limit: levels))
        #expect(Self.failure([UInt8](repeating: UInt8(ascii: "["), count: 1 << 20)) == .tooDeep(limit: levels))
        let objects = String(repeating: "{\"a\":", count: 100_000)
        #expect(Self.failure(Array(objects.utf8)) == .tooDeep(limit: levels))
    }

    @Test func refusesMoreBytesThanAllowedUnread() {
        let huge = [UInt8](repeating: UInt8(ascii: " "), count: (1 << 20) + 1)
        #expect(Self.failure(huge) == .tooLong(limit: 1 << 20))
    }

    @Test(
        arguments: [
            [0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc3], [0x80],
        ] as [[UInt8]])
    func refusesInvalidUTF8(_ bytes: [UInt8]) {
        #expect(Self.failure([0x22] + bytes + [0x22]) == .invalidText(offset: 1))
        #expect(Self.failure([0x22, 0x5c, 0x6e] + bytes + [0x22]) == .invalidText(offset: 1))
    }

    @Test(arguments: [#""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud83dx""#])
    func refusesHalfASurrogatePair(_ text: String) {
        guard case .invalidText? = Self.failure(Array(text.utf8)) else {
            Issue.record("\(text) was read")
            return
        }
    }

    @Test func readsSurrogatePairs() throws {
        #expect(try Self.parse(#""\ud83d\ude00""#).string == "😀")
    }

    @Test(arguments: ["1.0", "1e3", "1E3", "9223372036854775808", "-9223372036854775809"])
    func refusesNumbersThatAreNoIntegers(_ text: String) {
        #expect(Self.failure(Array(text.utf8)) == .notAnInteger(offset: 0))
    }

    @Test func readsTheLargestAndSmallestInteger() throws {
        #expect(try Self.parse("9223372036854775807").integer == .max)
        #expect(try Self.parse("-9223372036854775808").integer == .min)
    }

    @Test(arguments: [
        "", " ", "{", "[", "\"", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "[1,]", "[1 2]", "{1:2}",
        "tru",
        "nul", "True", "NaN", "Infinity", "01", "-", "-01", "+1", "'a'", "{a:1}", "1 1", "[]x", "\"\n\"", "\"\u{1}\"",
        #""\x""#, #""\u12""#, #""\u12g4""#, #""\"#, "//\n1", "\u{feff}1",
    ])
    func refusesWhatIsNotJSON(_ text: String) {
        guard case .syntax? = Self.failure(Array(text.utf8)) else {
            Issue.record("\(text.debugDescription) was read")
            return
        }
    }

    @Test func writesTextThatItReadsAgain() throws {
        let value = try Self.parse(#"{"a":"\u0000\u001f\u007f\"\\é","b":[[],{},[1,{"c":null}]]}"#)
        let again = try JSONParser.parse(JSONText.encode(value), maximumLength: 1 << 20)
        #expect(CanonicalJSON.encode(again) == CanonicalJSON.encode(value))
    }

    @Test func mergesTables() throws {
        let left = try #require(try Self.parse(#"{"a":1,"c":3,"e":5}"#).object)
        let right = try #require(try Self.parse(#"{"b":2,"c":30,"f":6}"#).object)
        let merged = CanonicalJSON.encode(.object(left.merging(right)))
        #expect(String(decoding: merged, as: UTF8.self) == #"{"a":1,"b":2,"c":30,"e":5,"f":6}"#)
    }

    /// Twice the names must not take four times as long; eight times the names are given room for three times that.
    @Test func readsManyNamesInAboutLinearTime() throws {
        func time(_ count: Int) throws -> Duration {
            // Backwards: the order that costs most.
            let members = (0..<count).reversed().map { "\"name-\(String($0 + 10_000_000))\":{\"length\":\($0)}" }
            let text = Array("{\(members.joined(separator: ","))}".utf8)
            return try ContinuousClock().measure {
                let table = try JSONParser.parse(text, maximumLength: .max).object
                #expect(table?["name-10000007"]?.object?["length"]?.integer == 7)
            }
        }
        _ = try time(1000)
        let (few, many) = (try time(4000), try time(32_000))
        #expect(many < few * 24, "\(few) for 4,000 names, \(many) for 32,000")
    }
}
