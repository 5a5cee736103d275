import Testing

@testable import Boot

@Suite struct IdleMemoryTests {
    @Test func memoryGoesBackOnceWhereNobodyReads() {
        var memory = IdleMemory()
        let steps = [100, 200, 200, 200, 200, 201, 201, 201].map { memory.look(reads: $0) }
        #expect(steps == [.giveBack, .giveBack, .forget, .nothing, .nothing, .giveBack, .forget, .nothing])
    }
}
