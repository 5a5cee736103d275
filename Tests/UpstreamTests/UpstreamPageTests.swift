import TestSupport
import Testing
import Upstream

/// What a folder's page has in it, whatever server wrote it.
@Suite struct UpstreamPageTests {
    private func names(_ html: String, at url: String = "http://h.example:8080/pub/os/") -> [String] {
        UpstreamPage(html, url: url).names.map(\.text)
    }

    @Test(
        arguments: [
            "<a href=\"20261116/\">20261116/</a>", "<A HREF='20261116/'>", "<a href=20261116/>x</a>",
            "<a href = 20261116 >",
            "<a\n\thref\n=\n'20261116/'\n>", "<a class=\"x > y\" href=\"./20261116/\">",
            "<a href=\"/pub/os/20261116\">",
            "<a href='http://H.example:8080/pub/os/20261116/'>", "<a href='//h.example:8080/pub/os/20261116/'>",
            "<a href=\"20261116/?C=N;O=D\">", "<a href=\"20261116/#top\">", "<a/href=20261116/>",
            "<a href=' 20261116/ '>",
            "<a href='2026&#49;116/'>", "<a href='2026&#x31;116&sol;'>", "<a href='202%361116/'>",
            "<a href='../os/20261116/'>",
            "<area href=20261116>", "<a title='a' href='20261116/' href='other/'>", "<!-- --><a href=20261116/>",
            "<!--><a href=20261116/>", "<!DOCTYPE html><noscript><a href=20261116/></noscript>",
            "<base href='http://h.example:8080/pub/os/'><a href='20261116/'>",
            "<script>'<a href=x>'</script><a href=20261116>",
            "<tr><td><a href=\"20261116/\" title=\"&quot;\"><td>", "\u{FEFF}<p>a < b & c<a href=20261116>",
        ])
    func linksAreReadAsABrowserReadsThem(html: String) {
        #expect(names("<html><a href=\"../\">up</a>\(html)") == ["20261116"])
    }

    @Test(
        arguments: [
            "<!-- <a href=\"20261116/\"> -->", "<script>document.write('<a href=20261116/>')</script>",
            "<style><a href=20261116/></style>", "<title><a href=20261116/></title>", "<a hrefx=20261116/>",
            "<b href=20261116/>",
            "<a data-href='20261116/'>", "href=\"20261116/\"", "<a href='https://other.example/pub/os/20261116/'>",
            "<a href='/pub/20261116/'>", "<a href='20261116/sub/x'>", "<a href='..%2f20261116'>",
            "<a href='mailto:20261116'>",
            "<a href='javascript:20261116'>", "<a href='%00'>", "<a href='.'>", "<a href='?C=N'>", "<a href=''>",
            "<!-- <a href=20261116>", "<script><a href=20261116>", "<a href=\"20261116/",
            "<a title='<a href=20261116/>'>",
            "<? <a href=20261116/ ?>", "<!x <a href=20261116/>", "</a href=20261116/>", "<plaintext><a href=20261116>",
        ])
    func whatIsNoLinkInTheFolderIsNone(html: String) {
        #expect(names("<html>\(html)") == [])
    }

    @Test func aNameThatIsEscapedIsMatchedAsItReadsAndFetchedAsItIsWritten() throws {
        let page = UpstreamPage(
            "<a href='2026-11-16%2B1/'><a href='2026-11-17+1/'><a href='a&amp;b%20c/'><a href='ä'>", url: "https://h/")
        #expect(page.names.map(\.text) == ["2026-11-16+1", "2026-11-17+1", "a&b c", "ä"])
        #expect(page.names.map(\.urlText) == ["2026-11-16%2B1", "2026-11-17%2B1", "a&b%20c", "%C3%A4"])
        let newest = try #require(EntryPattern("{date}+{number}")?.newest(of: page.names))
        #expect(newest.name == "2026-11-17+1")
        #expect(newest.fill("{entry}/d-{date}.raw") == "2026-11-17%2B1/d-2026-11-17.raw")
        // A recipe that was written for the page's text.
        #expect(EntryPattern("2026-11-16%2B{number}")?.newest(of: page.names)?.fill("{entry}") == "2026-11-16%2B1")
    }

    @Test func linksAreRelativeToWhereThePageCameFrom() {
        let page = UpstreamPage("<a href='20261116/'>", url: "http://h/latest/", answeredAs: "http://h/pub/")
        #expect(page.names.map(\.text) == ["20261116"])
        let mirror = UpstreamPage("<a href='1/'>", url: "http://h/", answeredAs: "http://other/x/")
        #expect(mirror.names.map(\.text) == ["1"])
    }

    @Test func anObjectStoresListIsReadByItsKeys() {
        let list = """
            <?xml version="1.0" encoding="UTF-8"?>
            <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>os/</Prefix>
            <Contents><Key>os/20261109/d.raw</Key><Size>5</Size></Contents>
            <Contents><Key>os/20261109/SHA256SUMS</Key></Contents>
            <CommonPrefixes><Prefix>os/2026-11-16+1/</Prefix></CommonPrefixes><Marker/></ListBucketResult>
            """
        let page = UpstreamPage(list, url: "https://b.example/os/")
        #expect(page.names.map(\.text) == ["20261109", "2026-11-16+1"])
        #expect(page.names.map(\.urlText) == ["20261109", "2026-11-16%2B1"])
    }

    @Test func aListByThePartOfANameHasWholeNamesAndSaysThatItGoesOn() {
        let list = "<Prefix>os/2026</Prefix><Contents><Key>os/20261109/d.raw</Key></Contents></ListBucketResult>"
        let page = UpstreamPage("<ListBucketResult>" + list, url: "https://b.example/")
        #expect(page.names.map(\.text) == ["20261109"])
        #expect(!page.isCut)
        let begun = "<ListBucketResult><IsTruncated>true</IsTruncated>"
        #expect(UpstreamPage(begun + list, url: "https://b.example/").isCut)
    }

    @Test func noPageIsTooStrange() {
        var random = SeededRandom(seed: 5)
        let pieces = [
            "<", ">", "a", " href=", "\"", "'", "/", "!--", "--", "script", "&#", "&amp", "<a href='", "=",
            "listbucketresult",
            "<Contents><Key>", "</", "%", "..", "\0", "ü",
        ]
        for _ in 0..<3000 {
            let page = (0..<Int.random(in: 0..<14, using: &random)).map { _ in
                pieces[Int.random(in: 0..<pieces.count, using: &random)]
            }
            _ = UpstreamPage(page.joined(), url: "https://h/x/")
        }
        #expect(names(String(repeating: "<a href='x'", count: 100_000)).count <= 1)
    }

    /// Each link is relative to it: a page of some MB would be terabytes.
    @Test(.timeLimit(.minutes(1))) func aLongBaseIsNotRepeatedForEachLink() {
        let base = "<base href='https://h/x/" + String(repeating: "a", count: 1_000_000) + "/'>"
        let links = String(repeating: "<a href=1>", count: 20_000)
        #expect(UpstreamPage(base + links, url: "https://h/x/").names == [])
        let far = "https://h/" + String(repeating: "a", count: 100_000) + "/"
        #expect(UpstreamPage(links, url: "https://h/x/", answeredAs: far).names == [])
        #expect(UpstreamPage(links, url: "https://h/x/", answeredAs: "https://h/y/?" + far).names.count == 1)
    }

    @Test(.timeLimit(.minutes(1))) func ofVeryManyLinksTheFirstCountAndThePageIsCut() {
        let page = UpstreamPage(String(repeating: "<a href=1>", count: 70_000) + "<a href=2>", url: "https://h/x/")
        #expect(page.isCut && page.names.map(\.text) == ["1"])
        #expect(!UpstreamPage("<a href=1><a href=2>", url: "https://h/x/").isCut)
    }
}
