import Catalog
import Linux

/// Memory and processors of one guest. What a catalog advises is advice: a publisher does not know this machine, and may not mean it
/// well. What the user says counts, as far as a guest can have it.
struct GuestResources: Sendable, Equatable {
    /// What this machine has.
    struct Available: Sendable, Equatable {
        let memoryMiB: Int
        let processors: Int

        static var here: Available { Available(memoryMiB: Machine.memoryBytes >> 20, processors: Machine.processors) }
    }

    /// QEMU's `q35` has more only with an interrupt controller that few guests can use.
    private static let mostProcessors = 255

    let memoryMiB: Int
    let cpus: Int
    /// What of a catalog's advice is not followed, for the user; nil where all of it is.
    let lowered: String?

    /// - Throws: ``SessionFailure`` 64 where the user asks for what no guest can have here.
    init(_ request: BootRequest, advice: GuestSettings, on machine: Available) throws(SessionFailure) {
        if let memory = request.memoryMiB, memory > machine.memoryMiB {
            throw GuestResources.refusal("\(memory) MiB of memory", "this machine has \(machine.memoryMiB)", "--memory")
        }
        if let cpus = request.cpus, cpus > GuestResources.mostProcessors {
            throw GuestResources.refusal(
                "\(cpus) processors", "it can have \(GuestResources.mostProcessors) at most", "--cpus")
        }
        // The rest is for this machine itself: QEMU, the disk's cache, and whoever works here.
        let most = max(1, machine.memoryMiB / 4 * 3)
        let (memory, cpus) = (
            advice.memoryMiB ?? SystemSettings.usualMemoryMiB, advice.cpus ?? SystemSettings.usualCpus
        )
        memoryMiB = request.memoryMiB ?? min(memory, most)
        self.cpus = request.cpus ?? min(cpus, machine.processors)
        var lowered: [String] = []
        if request.memoryMiB == nil, memory > most, advice.memoryMiB != nil {
            lowered.append("\(most) MiB of memory instead of \(memory)")
        }
        if request.cpus == nil, cpus > machine.processors {
            lowered.append("\(machine.processors) of \(cpus) processors")
        }
        self.lowered =
            lowered.isEmpty
            ? nil
            : "the guest gets \(lowered.joined(separator: " and ")): its catalog advises more than this machine has"
    }

    private static func refusal(_ wish: String, _ why: String, _ option: String) -> SessionFailure {
        SessionFailure(
            exitCode: 64,
            message: "the guest cannot have \(wish): \(why). Give less with \(option), or in the configuration")
    }
}
