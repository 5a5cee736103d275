import Lzma
import Testing

@Suite struct LzmaTests {
    @Test func theLibraryIsThere() { #expect(Lzma.version >= 50_000_000) }
}
