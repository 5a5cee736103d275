import Testing

@testable import Vendors

@Suite struct VendorsErrorTests {
    @Test func anErrorNamesItsPlace() {
        #expect("\(VendorsError.table(file: "a.toml", place: "id", reason: "is missing"))" == "a.toml: id is missing")
    }

    /// A server has a hand in it.
    @Test func aLongTextIsCut() {
        let long = String(repeating: "ü", count: 100_000)
        for error in [
            VendorsError.structural(system: "s", url: long, reason: long), .gone(system: "s", build: long, url: long),
        ] { #expect("\(error)".utf8.count < 2000) }
        #expect(
            "\(VendorsError.structural(system: "s", url: "https://h/", reason: "is none"))" == "https://h/: is none")
    }
}

@Suite struct MetalinkTests {
    private let file = "https://h.example/d/x.iso"

    private func mirrors(_ text: String) -> [String] { Metalink.mirrors(text, file: file, allowsPlain: false) }

    @Test func thePreferredMirrorsComeFirst() {
        let text = """
            <metalink><file name="x.iso"><url priority="2">https://b.example/x.iso</url>
            <url priority="1" location="de"> https://a.example/d/x.iso </url><url>https://c.example/y.iso</url>
            <url>http://d.example/x.iso</url><url>https://127.0.0.1/x.iso</url><url>https://e.example/x.iso</url>
            """
        #expect(mirrors(text) == ["https://a.example/d/x.iso", "https://b.example/x.iso", "https://e.example/x.iso"])
    }

    /// Whatever is missing at the end is looked for once.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: ["<url", "<url>", "<url><", "</url>", "<url</url>", "<url>a</url>", "<url a='"])
    func noListTakesLong(_ part: String) {
        let text = String(repeating: part, count: Metalink.longest / part.utf8.count)
        #expect(mirrors(text).isEmpty)
        #expect(mirrors(text + "<url>https://a.example/x.iso</url>").count <= 1)
    }
}
