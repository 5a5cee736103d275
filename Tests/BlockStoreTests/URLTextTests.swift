import Curl
import Testing

@Suite struct URLTextTests {
    @Test(arguments: [
        ("http://h/d.caibx", "http://h/default.castr", "d.caibx"),
        ("http://h:81/a%20b/c%20d.caibx", "http://h:81/a%20b/default.castr", "c d.caibx"),
        ("https://u:p@h/x/d.caibx?sig=a/b%2Fc&e=1", "https://u:p@h/x/default.castr", "d.caibx"),
        ("HTTP://h/d.caibx#part/2", "HTTP://h/default.castr", "d.caibx"),
        ("http://h/d.caibx?a#b?c/", "http://h/default.castr", "d.caibx"),
        ("http://h?x=/y.caibx", "http://h/default.castr", ""), ("http://h", "http://h/default.castr", ""),
        ("http://h/x/", "http://h/x/default.castr", ""),
        ("http://[::1]:8/d.idx", "http://[::1]:8/default.castr", "d.idx"),
        ("http://h/%C3%A9.caibx", "http://h/default.castr", "é.caibx"),
        ("http://h/a%2Fb%0A%1B%00.caibx", "http://h/default.castr", "a_b___.caibx"),
        ("http://h/%2E%2E", "http://h/default.castr", "__"), ("http://h/x/..", "http://h/x/default.castr", "__"),
        ("http://h/%FF.caibx", "http://h/default.castr", "%FF.caibx"),
        ("http://h/100%.caibx", "http://h/default.castr", "100%.caibx"),
        ("file:///srv/My%20Stick/d.caibx", "file:///srv/My%20Stick/default.castr", "d.caibx"),
    ])
    func whatLiesBesideAFileAndWhatItIsCalled(url: String, beside: String, name: String) {
        #expect(URLText.sibling("default.castr", of: url) == beside)
        #expect(URLText.fileName(of: url) == name)
    }

    @Test func anyPathIsAFileURLAndBack() {
        for path in ["/a b#c?d%e[f]&g+h:i@j'k", "/été/\n/\t", "/100%41", "/"] {
            #expect(URLText.path(ofFile: URLText.file(path)) == path)
        }
        #expect(URLText.path(ofFile: "file:///a%2") == nil)
        #expect(URLText.path(ofFile: "file:///a%+1") == nil)
    }

    @Test func whatAPersonWroteIsEncodedOnce() {
        #expect(URLText.encoded("http://h/a b%20c/é?x=y#z") == "http://h/a%20b%20c/%C3%A9?x=y#z")
        #expect(["HTTP://h", "file:///x", "https://h"].allSatisfy(URLText.isURL))
        #expect(!["ftp://h", "/a://b", "d.caibx", "debian"].contains(where: URLText.isURL))
    }
}
