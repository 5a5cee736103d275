import Glibc
import Linux
import Testing

@testable import Curses

@Suite struct ScreenSizeTests {
    @Test func linesAndColumnsSayTheSizeOnlyWhenBothAreNumbersOfATerminal() {
        #expect(ScreenSize(lines: "30", columns: "100") == ScreenSize(columns: 100, rows: 30))
        for (lines, columns) in [("0", "80"), ("24", "-1"), ("many", "80"), ("", "80"), ("24", "99999"), ("24 ", "80")]
        {
            #expect(ScreenSize(lines: lines, columns: columns) == nil, "\(lines) \(columns)")
        }
        #expect(ScreenSize(lines: nil, columns: "80") == nil)
        #expect(ScreenSize(lines: "24", columns: nil) == nil)
    }

    @Test func aStreamClosesItsOwnDescriptorAndNoOther() throws {
        let pipe = try Pipe()
        var stream: OutputStream? = try OutputStream(copyOf: pipe.writing.descriptor)
        let own = try #require(stream.map { fileno($0.pointer) })
        #expect(own != pipe.writing.descriptor && fcntl(own, F_GETFD) == 0)
        stream = nil
        #expect(fcntl(pipe.writing.descriptor, F_GETFD) != -1)
        #expect(throws: SystemCallError(code: EBADF, call: "dup")) { try OutputStream(copyOf: -1) }
    }
}
