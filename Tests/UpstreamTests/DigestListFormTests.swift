import Testing
import Upstream

@Suite struct DigestListFormTests {
    @Test func aPageIsNoList() { #expect(DigestList("<html>not found</html>").isEmpty) }
}
