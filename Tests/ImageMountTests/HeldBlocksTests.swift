import BlockStore
import ImageIndex
import Linux
import TestSupport
import Testing

@testable import ImageMount

@Suite struct HeldBlocksTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func whatIsHeldForReadersCanBeForgotten() async throws {
        let image = try TestImage.fixed(in: folder)
        let store = image.store()
        let size = image.index.longestBlock
        let reader = ImageReader(index: image.index, store: store, options: ReadOptions(readAhead: 8 * size))
        for block in 0..<2 { _ = try await reader.read(offset: UInt64(block * size), length: size) }
        let next = try #require(image.blocks[2..<6].first { !$0.isHole })
        let isHeld = {
            // Without its last byte, which would end that.
            let some = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
            defer { some.deallocate() }
            return reader.blocksAhead.take(next.position, at: 0, into: some)
        }
        #expect(await eventually { isHeld() })
        reader.blocksAhead.forget()
        #expect(!isHeld())
        let bytes = try await reader.read(offset: next.offset, length: next.length)
        #expect(bytes == image.slice(Int(next.offset), next.length))
    }
}
