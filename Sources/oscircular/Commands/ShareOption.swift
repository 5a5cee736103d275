import ArgumentParser
import Boot

/// The folder of the host that a guest sees.
struct ShareOption: ParsableArguments {
    @Option(
        help:
            "A folder of this machine, DIR or DIR:ro for reading only, that the guest sees at /mnt/host; '' for none.",
        completion: .directory)
    var share: String?
    @Flag(help: "With --share: give it to a system that is not verified yet.") var allowShare = false

    func validate() throws {
        // Empty for none, where one is set for the system.
        guard let share, !share.isEmpty, let fault = SharedFolder.fault(of: share) else { return }
        throw ValidationError("--share \(fault)")
    }
}
