import Boot
import Catalog

/// Kept machines: their rows above the systems, the screen of one of them, and what can be done to it.
extension MenuState {
    /// With at most this many machines they are shown until the user folds them.
    private static let mostUnfolded = 6
    /// The row of the machines' heading; each machine's number is below it. Those of systems begin at 0.
    private static let headingRow = -1

    // MARK: Rows

    var showsMachines: Bool { machinesFold ?? (machines.count <= Self.mostUnfolded) }

    /// The rows of the machines while nothing is searched for.
    var machineRows: [Int] {
        guard !machines.isEmpty else { return [] }
        return [Self.headingRow] + (showsMachines ? machines.indices.map(Self.row) : [])
    }

    /// The machines that a search finds.
    func machineRows(matching words: [Substring]) -> [Int] {
        machines.indices.filter { place in
            let text = machines[place].searchText
            return words.allSatisfy { text.contains($0) }
        }.map(Self.row)
    }

    private static func row(_ place: Int) -> Int { headingRow - 1 - place }

    func machinesRow(_ row: Int) -> SystemsRow? {
        if row == Self.headingRow { return .machines(machines, isUnfolded: showsMachines) }
        let place = Self.headingRow - 1 - row
        return machines.indices.contains(place) ? .machine(machines[place]) : nil
    }

    package func machine(_ name: String) -> MachineItem? { machines.first { $0.name == name } }

    /// The machine that a key on this screen is about.
    package var chosenMachine: MachineItem? {
        switch top.screen {
        case .systems:
            guard case .machine(let machine)? = systemsRow(top.position.selected, of: top) else { return nil }
            return machine
        case .machine(let name): return machine(name)
        default: return nil
        }
    }

    /// The snapshots of a machine as its screen lists them, the newest first.
    func snapshots(of name: String) -> [MachineItem.Snapshot] { machine(name)?.snapshots.reversed() ?? [] }

    /// The snapshot that is chosen on a machine's screen.
    package var chosenSnapshot: MachineItem.Snapshot? {
        guard case .machine(let name) = top.screen else { return nil }
        let snapshots = snapshots(of: name)
        return snapshots.indices.contains(top.position.selected) ? snapshots[top.position.selected] : nil
    }

    /// The guest of a machine.
    package func guest(ofMachine name: String) -> Guest? { guests.first { $0.status.machine == name } }

    /// A start of a machine that has not come up yet.
    func launch(ofMachine name: String) -> Launch? {
        launches.values.first { $0.wishes.machine == name && $0.isStarting }
    }

    mutating func take(_ new: [MachineItem]) {
        guard new != machines else { return }
        let chosen = chosenIdentity(0)
        let snapshot = chosenSnapshot
        machines = new
        list(0, choosing: chosen)
        if case .machine(let name) = top.screen, let snapshot,
            let row = snapshots(of: name).firstIndex(of: snapshot)
        {
            select(row)
        }
        settle()
    }

    // MARK: Starting

    /// Starts a machine, or shows its guest.
    mutating func start(_ machine: MachineItem) -> [MenuEffect] {
        if let guest = guest(ofMachine: machine.name), guest.isSuspended { return resume(guest) }
        if let guest = guest(ofMachine: machine.name) {
            open(.guest(guest.id))
            return [.loadGuests]
        }
        if let launch = launch(ofMachine: machine.name) {
            open(.launch(launch.number))
            return []
        }
        if let change = changing[machine.name] {
            say("\(machine.name) is \(change.word); it can be started after that")
            return []
        }
        guard let base = machine.base, machine.problem == nil else {
            notices.append(
                Dialog(
                    "\(machine.name) cannot be started", machine.problem ?? "What it is based on is not known.",
                    [Dialog.cancel("Close")]))
            return []
        }
        return boot(base, wishes: BootWishes(start: machine.name, home: machine.home))
    }

    // MARK: Changes

    /// Asks what a change needs to know.
    mutating func askChange(_ question: Form.MachineQuestion) {
        guard let machine = chosenMachine, isFree(machine) else { return }
        let name = machine.name
        let form =
            switch question {
            case .snapshot:
                Form(
                    .machine(name, question), title: "Snapshot of \(name)",
                    [TextField(label: "Name", text: freeSnapshotName(today, machine))])
            case .clone:
                Form(
                    .machine(name, question), title: "Clone of \(name)",
                    [TextField(label: "Name", text: freeMachineName(name))])
            case .rename:
                Form(.machine(name, question), title: "New name for \(name)", [TextField(label: "Name", text: name)])
            case .grow:
                Form(
                    .machine(name, question), title: "Larger disk for \(name)",
                    [
                        TextField(
                            label: "Size",
                            note: machine.size.map { "now \(Format.bytes($0)); such as 40GiB" } ?? "such as 40GiB")
                    ])
            case .export:
                Form(
                    .machine(name, question), title: "Export \(name)", [TextField(label: "File", text: "\(name).qcow2")]
                )
            }
        overlay = .form(form)
    }

    /// A name that no machine has yet.
    func freeMachineName(_ wanted: String) -> String {
        var (name, number) = (wanted, 2)
        while machine(name) != nil {
            name = "\(wanted)-\(number)"
            number += 1
        }
        return name
    }

    /// Whether a machine is neither running nor being changed; says so where it is.
    private mutating func isFree(_ machine: MachineItem) -> Bool {
        if let change = changing[machine.name] {
            say("\(machine.name) is \(change.word)")
        } else if guest(ofMachine: machine.name)?.isSuspended == true {
            say(
                "\(machine.name) is suspended: resume it and shut it down, or throw its memory away (in the list of guests, x)"
            )
        } else if guest(ofMachine: machine.name) != nil || launch(ofMachine: machine.name) != nil {
            say("\(machine.name) is running: shut it down first (on its guest's screen, s)")
        } else {
            return true
        }
        return false
    }

    mutating func askRevert() {
        guard let machine = chosenMachine, isFree(machine) else { return }
        guard let snapshot = chosenSnapshot else {
            return say("\(machine.name) has no snapshot to go back to; s takes one")
        }
        let kept = freeSnapshotName("before-\(snapshot.name)", machine)
        overlay = .dialog(
            Dialog(
                "Go back to \(snapshot.name)?",
                "What was written to the disk of \(machine.name) since then is lost, unless a snapshot is taken of it first.",
                [
                    Dialog.cancel(),
                    .init(
                        label: "Snapshot, then go back",
                        action: .change(machine: machine.name, .revert(snapshot.name, keeping: kept))),
                    .init(
                        label: "Go back", action: .change(machine: machine.name, .revert(snapshot.name, keeping: nil))),
                ]))
    }

    /// The day where the user is.
    private var today: String { String(Timestamp(seconds: now + facts.secondsEast).description.prefix(10)) }

    private func freeSnapshotName(_ wanted: String, _ machine: MachineItem) -> String {
        var (name, number) = (wanted, 2)
        while machine.snapshots.contains(where: { $0.name == name }) {
            name = "\(wanted)-\(number)"
            number += 1
        }
        return name
    }

    mutating func askRemoveSnapshot() {
        guard let machine = chosenMachine, let snapshot = chosenSnapshot, isFree(machine) else { return }
        overlay = .dialog(
            Dialog(
                "Remove snapshot \(snapshot.name)?",
                "The machine stays as it is now, and cannot go back to it any more.",
                [
                    Dialog.cancel(),
                    .init(label: "Remove", action: .change(machine: machine.name, .removeSnapshot(snapshot.name))),
                ]))
    }

    mutating func askForget(_ machine: MachineItem) {
        guard isFree(machine) else { return }
        let snapshots =
            machine.snapshots.isEmpty
            ? "" : " and \(Format.several(machine.snapshots.count, "snapshot"))"
        overlay = .dialog(
            Dialog(
                "Forget \(machine.name)?",
                "Its disk (\(Format.bytes(machine.used)))\(snapshots) is removed for good. The system that it is based on stays.",
                [Dialog.cancel(), .init(label: "Forget", action: .change(machine: machine.name, .forget))]))
    }

    mutating func change(_ machine: String, _ change: MachineChange) -> [MenuEffect] {
        changing[machine] = change
        return [.change(machine: machine, change)]
    }

    /// A change has ended.
    mutating func end(_ change: MachineChange, of machine: String, _ failure: String?) -> [MenuEffect] {
        changing[machine] = nil
        if let failure {
            log.append(LogEntry(time: now, text: "\(machine): \(failure)", isFailure: true))
            notices.append(Dialog("\(machine) was not changed", failure, [Dialog.cancel("Close")]))
            return [.loadMachines]
        }
        say(change.done(machine))
        switch change {
        case .forget: leaveMachine(machine, for: nil)
        case .rename(let name): leaveMachine(machine, for: name)
        default: break
        }
        return [.loadMachines]
    }

    /// The screen of a machine that is gone, or has another name now.
    private mutating func leaveMachine(_ name: String, for new: String?) {
        if let place = machines.firstIndex(where: { $0.name == name }) {
            // Until all of them are read again.
            var changed = machines
            if let new { changed[place].name = new } else { changed.remove(at: place) }
            take(changed)
        }
        guard let level = stack.firstIndex(where: { $0.screen == .machine(name) }) else { return }
        stack.remove(at: level)
        if let new, !stack.contains(where: { $0.screen == .machine(new) }) {
            stack.insert(OpenScreen(.machine(new)), at: level)
        }
        settle()
    }
}
