import ArgumentParser
import Boot
import Formats
import Linux

extension MachinesCommand {
    struct Clone: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "clone", abstract: "Make another machine with a stopped one's disk as it is now.",
            discussion: """
                It takes a moment, and no room until one of the two writes. Both share what the guest made of itself, such as its ssh
                host keys, its machine-id and its passwords, unless the guest makes them anew.
                """)

        @Argument(help: "The machine.") var name: String
        @Argument(help: "The new machine's name.") var new: String
        @Flag(help: "Print the new machine as one JSON object.") var json = false

        func run() async throws {
            let (name, new) = (name, new)
            try await MachinesCommand.change(new, json: json, "\(new) is a clone of \(name)") { library, context in
                try library.clone(name, as: new, cache: context.cache())
            }
        }
    }

    struct Rename: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rename", abstract: "Give a stopped machine another name.")

        @Argument(help: "The machine.") var name: String
        @Argument(help: "Its new name.") var new: String
        @Flag(help: "Print the machine as one JSON object.") var json = false

        func run() async throws {
            let (name, new) = (name, new)
            try await MachinesCommand.change(new, json: json, "\(name) is called \(new) now") { library, context in
                try library.rename(name, to: new, cache: context.cache())
            }
        }
    }

    struct Snapshot: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "snapshot",
            abstract:
                "Name a stopped machine's disk as it is now, to go back to it; without a name, show the snapshots.")

        @Argument(help: "The machine.") var name: String
        @Argument(help: "The snapshot's name.") var snapshot: String?
        @Flag(help: "Remove the snapshot of that name.") var remove = false
        @Flag(help: "Print the machine as one JSON object.") var json = false

        func validate() throws {
            if remove, snapshot == nil { throw ValidationError("--remove needs the snapshot's name") }
        }

        func run() async throws {
            let (name, remove) = (name, remove)
            guard let snapshot else { return try await list() }
            let done =
                remove ? "\(name) no longer has the snapshot \(snapshot)" : "\(name) has the snapshot \(snapshot)"
            try await MachinesCommand.change(name, json: json, done) { library, _ in
                if remove {
                    try library.removeSnapshot(snapshot, of: name)
                } else {
                    try library.snapshot(name, as: snapshot)
                }
            }
        }

        private func list() async throws {
            if json { return try await MachinesCommand.change(name, json: true, "") { _, _ in } }
            let (name, library) = (name, MachineLibrary(places: try CommandContext.load().places))
            let record = try await WorkerThread.run(name: "machine") { try library.record(name) }
            if record.disk.snapshots.isEmpty { return Terminal.note("\(name) has no snapshots.") }
            for snapshot in record.disk.snapshots { Terminal.print("\(snapshot.name)  \(snapshot.created)") }
        }
    }

    struct Revert: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revert", abstract: "Go back to a snapshot of a stopped machine.",
            discussion: "What was written since is lost, unless --save names it as another snapshot.")

        @Argument(help: "The machine.") var name: String
        @Argument(help: "The snapshot's name.") var snapshot: String
        @Option(help: "First name the disk as it is now.") var save: String?
        @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false
        @Flag(help: "Print the machine as one JSON object.") var json = false

        func run() async throws {
            let (name, snapshot, save) = (name, snapshot, save)
            let library = MachineLibrary(places: try CommandContext.load().places)
            let record = try await WorkerThread.run(name: "machine") { try library.record(name) }
            // What does not exist is not asked about.
            if save == nil, record.disk.snapshot(snapshot) != nil, !record.disk.isTopEmpty {
                try MachinesCommand.confirm(
                    "What \(name) has written since its last snapshot is lost. Go back to \(snapshot)?", yes: yes,
                    otherwise: "give '--yes', or '--save NAME' to keep it as another snapshot")
            }
            try await MachinesCommand.change(name, json: json, "\(name) is as in its snapshot \(snapshot)") {
                library, _ in
                try library.revert(name, to: snapshot, keeping: save)
            }
        }
    }

    struct Grow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "grow", abstract: "Make the disk of a stopped machine larger.",
            discussion:
                "A system with cloud-init uses the new room at its next start; others need growpart and resize2fs.")

        @Argument(help: "The machine.") var name: String
        @Argument(help: "Its disk's new size, such as 40GiB.") var size: String
        @Flag(help: "Print the machine as one JSON object.") var json = false

        func validate() throws { _ = try DiskSizeArgument.bytes(size, "the size") }

        func run() async throws {
            let (name, size) = (name, try DiskSizeArgument.bytes(size, "the size") ?? 0)
            try await MachinesCommand.change(
                name, json: json, "the disk of \(name) has \(ByteCount.precise(size)) now"
            ) { library, _ in
                try library.grow(name, to: size)
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export",
            abstract: "Write a stopped machine's disk as one qcow2 file that needs nothing else.",
            discussion: "What is missing of its base is fetched. May be interrupted: the file appears when it is whole."
        )

        @Argument(help: "The machine.") var name: String
        @Argument(help: "The file.", completion: .file()) var file: String
        @Flag(help: "Replace the file if it exists.") var force = false
        @Flag(help: "One JSON object.") var json = false

        private struct Exported: Encodable {
            let machine: String
            let file: String
            /// Bytes that it takes on the disk.
            let bytes: UInt64
        }

        func run() async throws {
            let context = try CommandContext.load()
            let path = try AbsolutePath.of(file)
            let stop = try EventDescriptor()
            Interruption.handle { _ in stop.signal() }
            defer { Interruption.handle(nil) }
            let export = MachineExport(
                places: context.places, configuration: context.configuration, cache: context.cache(),
                systems: context.systems(), transfers: context.transfers())
            let (title, registry) = ("export \(name)", context.registry)
            try await WorkerThread.run(name: "stale") { registry.clearStale() }
            defer { Terminal.endProgress() }
            let bytes = try await export.run(name, to: path, replaces: force, stop: stop) { share in
                Terminal.progress("\(title): \(share / 100) %")
            }
            Terminal.endProgress()
            if json { return try JSONOutput.print(Exported(machine: name, file: path, bytes: bytes)) }
            Terminal.print("\(path): \(ByteCount.text(bytes))")
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "forget", abstract: "Remove a stopped machine with its disk and all its snapshots.")

        @Argument(help: "The machine.") var name: String
        @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let context = try CommandContext.load()
            let (name, library, cache) = (name, MachineLibrary(places: context.places), context.cache())
            try await WorkerThread.run(name: "machine") { try library.checkIsThere(name) }
            try MachinesCommand.confirm(
                "Remove the machine \(name), its disk and all its snapshots?", yes: yes, otherwise: "give '--yes'")
            let registry = context.registry
            try await WorkerThread.run(name: "machine") {
                // As for other changes.
                registry.clearStale()
                try library.forget(name, cache: cache)
            }
            if json { return try JSONOutput.print(["forgotten": name]) }
            Terminal.print("\(name) is forgotten")
        }
    }

    /// Asks before something is lost.
    /// - Throws: ``SessionFailure`` where the answer is no, or nobody is there to be asked.
    private static func confirm(_ question: String, yes: Bool, otherwise: String) throws {
        if yes { return }
        guard Confirmation.isPossible else {
            throw SessionFailure(
                exitCode: ErrorReport.ExitStatus.usage, message: "nobody is there to be asked: \(otherwise)")
        }
        guard Confirmation.ask(question) else {
            throw SessionFailure(exitCode: ErrorReport.ExitStatus.other, message: "nothing was changed")
        }
    }
}
