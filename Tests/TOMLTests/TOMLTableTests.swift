import TOML
import Testing

@Suite struct TOMLTableTests {
    @Test func eachKindOfValueIsRead() throws {
        let table = try TOMLTable(
            string: """
                # a comment
                text = "a \\"b\\" \\u00e9"
                raw = 'c:\\d'
                long = \"\"\"
                two
                lines\"\"\"
                number = -42
                hex = 0x1F
                yes = true
                no = false
                real = 1.5
                day = 2026-11-16
                time = 07:32:00
                moment = 1979-05-27T07:32:00Z
                list = ["a", 1, [true, []], { b = "c" }]
                empty = {}
                [section."with dots.in it"]
                key = "v"
                [[row]]
                id = 1
                [[row]]
                id = 2
                """)
        #expect(table["text"]?.string == "a \"b\" é")
        #expect(table["raw"]?.string == "c:\\d")
        #expect(table["long"]?.string == "two\nlines")
        #expect(table["number"]?.int == -42 && table["hex"]?.int == 31)
        #expect(table["yes"]?.bool == true && table["no"]?.bool == false)
        for key in ["real", "day", "time", "moment"] { #expect(table[key] == .other, "\(key)") }
        #expect(
            table["list"]?.array == [
                .text("a"), .integer(1), .list([.flag(true), .list([])]),
                .table(try TOMLTable(string: "b = \"c\"")),
            ])
        #expect(table["empty"]?.table == TOMLTable())
        #expect(table["section"]?.table?["with dots.in it"]?.table?["key"]?.string == "v")
        #expect(table["row"]?.array?.map { $0.table?["id"]?.int } == [1, 2])
        #expect(table["missing"] == nil)
    }

    @Test func aValueIsOfOneKind() throws {
        let table = try TOMLTable(string: "a = \"1\"\nb = 1\nc = true\nd = [1]\n[e]\n")
        #expect(table.keys == ["a", "b", "c", "d", "e"])
        #expect(table.keys.map { table[$0]?.string != nil } == [true, false, false, false, false])
        #expect(table.keys.map { table[$0]?.int != nil } == [false, true, false, false, false])
        #expect(table.keys.map { table[$0]?.bool != nil } == [false, false, true, false, false])
        #expect(table.keys.map { table[$0]?.array != nil } == [false, false, false, true, false])
        #expect(table.keys.map { table[$0]?.table != nil } == [false, false, false, false, true])
    }

    @Test(arguments: ["a = ", "a", "[a", "a = 1\na = 2", "a = \"\n", "a = [1", "a = 99999999999999999999"])
    func whatIsNotTOMLIsRefusedWithItsPlace(_ text: String) {
        #expect {
            try TOMLTable(string: text)
        } throws: {
            let words = "\($0)"
            return words.contains("line ") && words.contains("column ") && !words.hasPrefix("TOMLFault")
        }
    }

    @Test func anEmptyTextIsAnEmptyTable() throws {
        #expect(try TOMLTable(string: "") == TOMLTable())
        #expect(try TOMLTable(string: "# nothing\n").keys == [])
    }
}
