import GuestNetwork
import Synchronization
import TestSupport
import Testing

@testable import Boot

@Suite(.timeLimit(.minutes(1))) struct GuestCableTests {
    /// A QEMU that does what it is told only after some tries.
    private final class FakeQEMU: Sendable {
        private let state: Mutex<(refusals: Int, calls: [Bool], isUp: Bool)>
        private let troubles = Mutex<[SessionStatus.NetworkTrouble]>([])
        let isThere: Bool

        init(refusals: Int = 0, isThere: Bool = true) {
            state = Mutex((refusals, [], true))
            self.isThere = isThere
        }

        var calls: [Bool] { state.withLock { $0.calls } }
        var isUp: Bool { state.withLock { $0.isUp } }
        var shown: [SessionStatus.NetworkTrouble] { troubles.withLock { $0 } }

        func cable(farewell: Duration) -> GuestCable {
            GuestCable(
                setLink: { [self] isUp in
                    state.withLock {
                        $0.calls.append(isUp)
                        guard !isUp || $0.refusals == 0 else {
                            $0.refusals -= 1
                            return false
                        }
                        $0.isUp = isUp
                        return true
                    }
                }, isThere: { [self] in isThere }, log: { _ in },
                show: { [self] trouble in troubles.withLock { $0.append(trouble) } }, pause: .milliseconds(1),
                farewell: farewell)
        }
    }

    private func follow(
        _ qemu: FakeQEMU, farewell: Duration = .milliseconds(1),
        _ body: (AsyncStream<GuestNetwork.Event>.Continuation) async throws -> Void
    ) async throws {
        let (events, continuation) = AsyncStream<GuestNetwork.Event>.makeStream()
        let cable = qemu.cable(farewell: farewell)
        let task = Task { await cable.follow(events) }
        defer { task.cancel() }
        try await body(continuation)
    }

    @Test func isPutInAgainHoweverOftenQEMUHasNoTime() async throws {
        let qemu = FakeQEMU(refusals: 5)
        try await follow(qemu) { events in
            events.yield(.lost("a test"))
            #expect(await eventually(within: .seconds(10)) { !qemu.isUp })
            events.yield(.back)
            #expect(await eventually(within: .seconds(10)) { qemu.isUp })
        }
        #expect(qemu.calls == [false] + Array(repeating: true, count: 6))
    }

    @Test func isLeftAloneWhenSomethingNewerHappens() async throws {
        let qemu = FakeQEMU(refusals: .max)
        try await follow(qemu) { events in
            events.yield(.back)
            #expect(await eventually(within: .seconds(10)) { qemu.calls.count > 1 })
            events.yield(.lost("a test"))
            #expect(await eventually(within: .seconds(10)) { qemu.calls.last == false })
        }
        #expect(!qemu.isUp)
    }

    @Test func nobodyHearsOfAConnectionThatAnotherGuestHasMadeAgain() async throws {
        let qemu = FakeQEMU()
        try await follow(qemu, farewell: .milliseconds(300)) { events in
            events.yield(.unplugged)
            events.yield(.replugged)
            try await Task.sleep(for: .milliseconds(600))
            #expect(qemu.shown.isEmpty)
            // What ends for good is said all the same.
            events.yield(.unplugged)
            #expect(await eventually(within: .seconds(10)) { qemu.shown.map(\.kind) == [.unplugged] })
        }
    }

    @Test func theUserHearsOfAConnectionThatEndedUnderARunningGuest() async throws {
        let qemu = FakeQEMU()
        try await follow(qemu) { events in
            events.yield(.unplugged)
            #expect(await eventually(within: .seconds(10)) { qemu.shown.map(\.text) == [GuestCable.unplugged] })
            #expect(qemu.shown.map(\.kind) == [.unplugged])
            events.yield(.exposed("it can reach what it should not"))
            #expect(await eventually(within: .seconds(10)) { qemu.shown.map(\.kind) == [.unplugged, .exposed] })
        }
        let gone = FakeQEMU(isThere: false)
        try await follow(gone) { events in
            events.yield(.unplugged)
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(gone.shown.isEmpty, "the guest has ended")
    }
}
