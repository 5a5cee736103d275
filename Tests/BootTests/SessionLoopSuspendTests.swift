import Testing

@testable import Boot

/// The suspending of a guest, whatever happens meanwhile.
@Suite struct SessionLoopSuspendTests {
    private static let failure = SessionFailure(exitCode: 65, message: "wrong digest")

    /// Gives signals in turn, and compares what follows from each.
    private func check(
        _ steps: [(SessionSignal, [SessionLoop.Action])], _ location: SourceLocation = #_sourceLocation
    ) {
        var loop = SessionLoop(shutdown: .seconds(60))
        for (number, (signal, actions)) in steps.enumerated() {
            #expect(
                loop.take(signal, blocksAreMissing: false) == actions, "\(number): \(signal)", sourceLocation: location)
        }
    }

    /// Up to the moment that the guest is being saved.
    private static let saving: [(SessionSignal, [SessionLoop.Action])] = [
        (.suspend, [.detach]), (.detached(true), [.letReadsWait(false), .call(.suspend), .show(.suspending, nil)]),
        (.ended(.suspend, isDone: true), [.save]),
    ]

    @Test func aGuestThatIsSavedEndsAndNothingElseIsDoneWithIt() {
        check(
            Self.saving + [
                // No second one, and nothing that would let the guest run.
                (.suspend, []), (.seen(.paused(isForError: false)), []), (.tick, [.look]),
                (.saved(true), [.stop(force: true, within: .zero)]), (.stop(force: false), []),
                (.guest(.stopped(hasFailed: false)), [.end(nil)]),
            ])
    }

    @Test func aGuestThatCouldNotBeSavedGoesOnAndGetsBackWhatWasTaken() {
        check(
            Self.saving + [
                (.saved(false), [.letReadsWait(true), .call(.resume), .show(.running, nil), .clearReport]),
                (.ended(.resume, isDone: true), [.attach]), (.suspend, [.detach]),
            ])
        check([(.suspend, [.detach]), (.detached(false), [.attach]), (.suspend, [.detach])])
        // libvirt could not pause it.
        check([
            (.suspend, [.detach]),
            (.detached(true), [.letReadsWait(false), .call(.suspend), .show(.suspending, nil)]),
            (
                .ended(.suspend, isDone: false),
                [
                    .reportNotSaved("libvirt could not pause it"), .letReadsWait(true), .attach,
                    .show(.running, nil), .clearReport,
                ]
            ),
        ])
    }

    @Test func aGuestThatTheUserPausedIsSavedAndStaysPausedWhereThatFails() {
        check([
            (.pause, [.letReadsWait(false), .call(.suspend), .show(.paused, nil)]),
            (.ended(.suspend, isDone: true), []), (.suspend, [.detach]),
            (.detached(true), [.save, .show(.suspending, nil)]), (.saved(false), [.show(.paused, nil)]),
            // What was taken away comes back when it runs.
            (.resume, [.letReadsWait(true), .call(.resume), .show(.running, nil), .clearReport]),
            (.ended(.resume, isDone: true), [.attach]),
        ])
        // It can be tried again before that.
        check([
            (.pause, [.letReadsWait(false), .call(.suspend), .show(.paused, nil)]),
            (.ended(.suspend, isDone: true), []), (.suspend, [.detach]),
            (.detached(true), [.save, .show(.suspending, nil)]), (.saved(false), [.show(.paused, nil)]),
            (.suspend, [.detach]), (.suspend, []), (.detached(true), [.save, .show(.suspending, nil)]),
            (.saved(true), [.stop(force: true, within: .zero)]),
        ])
        check([
            (.pause, [.letReadsWait(false), .call(.suspend), .show(.paused, nil)]),
            (.ended(.suspend, isDone: true), []), (.suspend, [.detach]), (.detached(false), []), (.suspend, [.detach]),
        ])
    }

    @Test func aStopWhileItIsSavedWaitsForTheOneOrTheOther() {
        check(
            Self.saving + [
                (.stop(force: false), [.cancelSaving(isUrgent: false)]),
                (
                    .saved(false),
                    [.letReadsWait(true), .stop(force: false, within: .seconds(60)), .show(.stopping, nil)]
                ),
                (.guest(.stopped(hasFailed: false)), [.end(nil)]),
            ])
        // It came too late: the guest is suspended, and must not run to shut down.
        check(
            Self.saving + [
                (.stop(force: false), [.cancelSaving(isUrgent: false)]),
                (.saved(true), [.stop(force: true, within: .zero)]),
            ])
        check(
            Self.saving + [
                (.stop(force: false), [.cancelSaving(isUrgent: false)]),
                (.stop(force: true), [.cancelSaving(isUrgent: true)]), (.stop(force: true), []),
                (.saved(false), [.stop(force: true, within: .seconds(60)), .show(.stopping, nil)]),
            ])
        // Before anything is saved it is a stop like any other.
        check([
            (.suspend, [.detach]),
            (.stop(force: false), [.stop(force: false, within: .seconds(60)), .show(.stopping, nil)]),
            (.detached(true), []), (.guest(.stopped(hasFailed: false)), [.end(nil)]),
        ])
    }

    @Test func aGuestThatEndsByItselfIsSavedNoMore() {
        check(
            Self.saving + [
                (
                    .guest(.stopped(hasFailed: true)),
                    [
                        .cancelSaving(isUrgent: false),
                        .end(SessionFailure(exitCode: 69, message: "QEMU or libvirt ended the guest")),
                    ]
                )
            ])
        check(
            Self.saving + [
                (
                    .untrue(Self.failure),
                    [.cancelSaving(isUrgent: false), .stop(force: true, within: .zero), .show(.stopping, nil)]
                ),
                (.guest(.stopped(hasFailed: false)), [.end(Self.failure)]),
            ])
    }

    @Test func whileTheDiskIsFullOrBlocksAreMissingItCanBeSaved() {
        var loop = SessionLoop(shutdown: .seconds(60))
        _ = loop.take(.stallChanged, blocksAreMissing: true)
        _ = loop.take(.guest(.paused(isForError: true)), blocksAreMissing: true)
        #expect(loop.take(.suspend, blocksAreMissing: true) == [.detach])
        #expect(
            loop.take(.detached(true), blocksAreMissing: true)
                == [.letReadsWait(false), .call(.suspend), .show(.suspending, nil)])
        // Blocks that arrive now do not let it run.
        #expect(loop.take(.stallChanged, blocksAreMissing: false) == [])
        #expect(loop.take(.ended(.suspend, isDone: true), blocksAreMissing: false) == [.save])
        #expect(
            loop.take(.room(.init(stopsGuest: true, stopsLogins: true)), blocksAreMissing: false) == [.report(.reserve)]
        )
        // It goes on when there is room, and not before.
        #expect(loop.take(.saved(false), blocksAreMissing: false) == [.show(.waiting, .space)])
    }
}
