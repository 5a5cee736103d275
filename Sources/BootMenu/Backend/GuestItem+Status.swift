import Boot
import Catalog

extension GuestItem {
    /// A session as it speaks of itself.
    init(_ status: SessionStatus) {
        self.init(
            id: status.id,
            image: ImageName(
                system: SystemName(catalog: status.catalog, distribution: status.distribution),
                version: status.version),
            state: State(status.state), waitsFor: status.waitingFor.map(Wait.init), phase: Phase(status.phase),
            started: Timestamp(status.started)?.seconds ?? 0,
            accelerator: status.accel ?? "", bytesFetched: status.bytesFetched, bytesFromCache: status.bytesFromCache,
            rate: status.rate, blocks: status.blocks, blocksHere: status.blocksHere,
            bootSetDone: status.bootSet?.done, bootSetBlocks: status.bootSet?.blocks,
            lastError: status.lastError ?? "", mount: status.mount ?? "", consoleLog: status.consoleLog)
    }
}

extension GuestItem {
    /// A session that does not answer, as it was seen last; of one that never answered here only the id is known.
    init(silent session: SilentSession, _ known: GuestItem?) {
        let name = SystemName(catalog: "", distribution: "session")
        self = known ?? GuestItem(id: session.id, image: ImageName(system: name, version: session.id), phase: .up)
        state = .silent
        waitsFor = nil
        rate = 0
        lastError =
            "its process\(session.pid.map { " \($0)" } ?? "") is stopped or stuck; forcing it off ends both"
    }
}

extension GuestItem.State {
    init(_ state: SessionStatus.State) {
        self =
            switch state {
            case .starting: .starting
            case .running: .running
            case .waiting: .waiting
            case .paused: .paused
            case .stopping: .stopping
            case .failed: .failed
            }
    }
}

extension GuestItem.Wait {
    init(_ wait: SessionStatus.Wait) {
        self =
            switch wait {
            case .blocks: .blocks
            case .space: .space
            case .disk: .disk
            }
    }
}

extension GuestItem.Phase {
    init(_ phase: SessionStatus.Phase) {
        self =
            switch phase {
            case .catalog: .catalog
            case .index: .index
            case .mount: .mount
            case .bootSet: .bootSet
            case .guest: .guest
            case .up: .up
            }
    }
}

extension BlockCell {
    init(_ cell: BlockMap.Cell) {
        self =
            switch cell {
            case .hole: .hole
            case .missing: .missing
            case .arriving: .arriving
            case .here: .here
            case .read: .read
            }
    }
}
