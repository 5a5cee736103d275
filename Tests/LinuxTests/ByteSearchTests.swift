import Linux
import Testing

/// Bytes among others.
@Suite struct ByteSearchTests {
    private func offset(of bytes: [UInt8], in all: [UInt8], from start: Int = 0) -> Int? {
        all.withUnsafeBytes { $0.firstOffset(of: bytes, from: start) }
    }

    @Test func theFirstPlaceIsFound() {
        #expect(offset(of: [2, 3], in: [1, 2, 2, 3, 2, 3]) == 2)
        #expect(offset(of: [2, 3], in: [1, 2, 2, 3, 2, 3], from: 3) == 4)
        #expect(offset(of: [1], in: [1]) == 0)
    }

    @Test func whatIsNotThereIsNotFound() {
        #expect(offset(of: [2, 3], in: [1, 2]) == nil)
        #expect(offset(of: [2], in: [1, 2], from: 2) == nil)
        #expect(offset(of: [], in: [1, 2]) == nil)
        #expect(offset(of: [1], in: []) == nil)
    }
}
