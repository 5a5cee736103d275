import Glibc
import Testing

@testable import BootMenu

/// The table of widths against the C library's own.
@Suite struct CellWidthTests {
    @Test func widthsAreThoseOfTheCLibrary() throws {
        // Of this thread only: the process keeps its locale.
        let locale = try #require(newlocale(LC_CTYPE_MASK, "C.UTF-8", nil))
        let before = uselocale(locale)
        defer {
            uselocale(before)
            freelocale(locale)
        }
        // Both are hidden in the headers that Swift sees.
        typealias Width = @convention(c) (wchar_t) -> Int32
        typealias Version = @convention(c) () -> UnsafePointer<CChar>
        let wcwidth = unsafeBitCast(try #require(dlsym(nil, "wcwidth")), to: Width.self)
        let version = unsafeBitCast(try #require(dlsym(nil, "gnu_get_libc_version")), to: Version.self)
        var compared = 0
        var different: [Unicode.Scalar] = []
        for value in UInt32(0x300)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let width = wcwidth(wchar_t(value))
            // What the library does not know is drawn as a dot or a question mark.
            guard width >= 0 else { continue }
            compared += 1
            if Int(width) != CellWidth.of(scalar) { different.append(scalar) }
        }
        #expect(compared > 200_000)
        // A library with a younger Unicode has changed its mind about a few.
        let isOurs = String(cString: version()) == "2.36"
        #expect(different.count <= (isOurs ? 0 : compared / 500), "\(different.prefix(20).map { $0.value })")
    }
}
