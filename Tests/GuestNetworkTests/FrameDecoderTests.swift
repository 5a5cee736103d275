import Testing

@testable import GuestNetwork

struct FrameDecoderTests {
    private func frames(_ pieces: [[UInt8]]) throws -> [[UInt8]] {
        var decoder = FrameDecoder()
        var result: [[UInt8]] = []
        for piece in pieces {
            piece.withUnsafeBytes { decoder.append($0) }
            while try decoder.next({ result.append(Array($0)) }) {}
        }
        return result
    }

    private func encoded(_ count: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt32(count).bigEndian) { Array($0) }
            + [UInt8](repeating: UInt8(count & 0xFF), count: count)
    }

    @Test func cutsTheStreamWhereverItIsTorn() throws {
        let stream = encoded(14) + encoded(60) + encoded(1514)
        for cut in 0...stream.count {
            let result = try frames([Array(stream[..<cut]), Array(stream[cut...])])
            #expect(result.map(\.count) == [14, 60, 1514])
        }
        #expect(try frames(stream.map { [$0] }).count == 3)
    }

    @Test func takesTheLargestFrame() throws {
        #expect(try frames([encoded(65550)]).map(\.count) == [65550])
    }

    @Test(arguments: [0, 13, 65551, Int(UInt32.max)])
    func refusesLengthsThatNoFrameHas(length: Int) {
        let bytes = withUnsafeBytes(of: UInt32(length).bigEndian) { Array($0) }
        #expect(throws: FrameDecoder.LengthError(length: length)) { try frames([bytes]) }
    }
}
