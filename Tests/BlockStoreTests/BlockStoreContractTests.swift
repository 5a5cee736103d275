import BlockStore
import ContentAddress
import TestSupport
import Testing

/// What every store must do.
@Suite struct BlockStoreContractTests {
    @Test(arguments: StoreKind.allCases)
    func givesEveryBlockWithItsBytes(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        for (request, expected) in zip(fixture.image.requests, fixture.image.blocks) {
            let block = try await fixture.store.block(request)
            #expect(block.bytes == expected)
        }
    }

    @Test(arguments: StoreKind.allCases)
    func givesBlocksNamedBySHA512_256(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind, TestImage(count: 2, algorithm: .sha512_256))
        let block = try await fixture.store.block(fixture.image.requests[0])
        #expect(block.bytes == fixture.image.blocks[0])
    }

    @Test(arguments: StoreKind.allCases)
    func saysThatAnUnknownBlockIsMissing(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        let stranger = TestImage(count: 1, seed: 99).requests[0]
        let failure = await fixture.store.failure(stranger)
        #expect(failure?.isMissing == true, "\(String(describing: failure))")
    }

    @Test(arguments: StoreKind.allCases.filter { $0 != .cachingWarm })
    func refusesADamagedBlock(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        try fixture.damage(3)
        let failure = await fixture.store.failure(fixture.image.requests[3])
        #expect(failure?.isCorrupt == true, "\(String(describing: failure))")
        let other = try await fixture.store.block(fixture.image.requests[4])
        #expect(other.bytes == fixture.image.blocks[4])
    }

    @Test(arguments: StoreKind.allCases)
    func refusesABlockOfAnotherLength(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        let request = fixture.image.requests[0]
        for length in [request.length - 1, request.length + 1] {
            let wrong = BlockRequest(id: request.id, length: length, algorithm: request.algorithm)
            let failure = await fixture.store.failure(wrong)
            #expect(failure?.isCorrupt == true, "\(length): \(String(describing: failure))")
        }
    }

    @Test(arguments: StoreKind.allCases)
    func answersEachOfManyRequestsOnce(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        let (image, store) = (fixture.image, fixture.store)
        // A second answer to the same request would trap in its continuation.
        let answers = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let request = image.requests[number % image.requests.count]
                    let block = try await store.block(request.with(number % 3 == 0 ? .prefetch : .demand))
                    return block.bytes == image.blocks[number % image.requests.count]
                }
            }
            return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(answers == 64)
    }

    @Test(arguments: StoreKind.allCases)
    func raisingAndCancellingWhatNobodyFetchesDoesNothing(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        fixture.store.raise(fixture.image.ids[2])
        fixture.store.cancel(fixture.image.ids[2])
        #expect(try await fixture.store.block(fixture.image.requests[2]).bytes == fixture.image.blocks[2])
        // Nor does it to what has been fetched.
        fixture.store.raise(fixture.image.ids[2])
        fixture.store.cancel(fixture.image.ids[2])
        #expect(try await fixture.store.block(fixture.image.requests[2]).bytes == fixture.image.blocks[2])
    }

    @Test(arguments: StoreKind.allCases)
    func whatIsRaisedOrCancelledIsAnsweredOnce(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        let (image, store) = (fixture.image, fixture.store)
        let answers = Recorder<Int>()
        for number in image.blocks.indices {
            store.fetch(image.requests[number].with(.prefetch)) { result in
                switch result {
                case .success(let bytes): #expect(bytes.bytes == image.blocks[number])
                case .failure(.closed): #expect(number % 2 == 1, "nobody cancelled it")
                case .failure(let error): Issue.record("\(error)")
                }
                answers.append(number)
            }
            if number % 2 == 0 { store.raise(image.ids[number]) } else { store.cancel(image.ids[number]) }
        }
        #expect(await eventually { answers.elements.count == image.blocks.count })
        // Whoever comes afterwards gets it.
        for number in image.blocks.indices {
            #expect(try await store.block(image.requests[number]).bytes == image.blocks[number])
        }
        #expect(answers.elements.sorted() == Array(image.blocks.indices))
    }

    @Test(arguments: StoreKind.allCases)
    func aTaskThatIsCancelledEndsOnce(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        let (image, store) = (fixture.image, fixture.store)
        let tasks = image.requests.map { request in Task { try await store.block(request).bytes } }
        for task in tasks { task.cancel() }
        for (task, expected) in zip(tasks, image.blocks) {
            switch await task.result {
            case .success(let bytes): #expect(bytes == expected)
            case .failure(let error): #expect(error is CancellationError, "\(error)")
            }
        }
        for (request, expected) in zip(image.requests, image.blocks) {
            #expect(try await store.block(request).bytes == expected)
        }
    }

    @Test(arguments: StoreKind.allCases.filter { $0 != .cachingWarm })
    func readsNothingThatWouldHaveToBeFetched(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        #expect(try await fixture.store.readNow(fixture.image.requests[0]) == nil)
    }

    @Test(arguments: [StoreKind.cachingWarm])
    func readsAnyPartWithoutAFetch(kind: StoreKind) async throws {
        let fixture = try await StoreFixture(kind)
        let (request, block) = (fixture.image.requests[1], fixture.image.blocks[1])
        for (offset, count) in [(0, block.count), (1, 1), (4096, 512), (block.count - 7, 7)] {
            let bytes = try await fixture.store.readNow(request, at: offset, count: count)
            #expect(bytes == Array(block[offset..<(offset + count)]))
        }
    }
}
