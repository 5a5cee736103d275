import ArgumentParser
import Catalog
import Linux
import Publisher

/// `add TREE DISTRO VERSION IMAGE`: a new version in a tree's catalog.
struct AddCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Publish an image as a new version of a distribution.",
        discussion: "Blocks first, then the index, then the catalog. An existing version is refused.")

    @Argument(help: "A tree that init made.")
    var tree: String

    @Argument(help: "The distribution's id, such as debian.")
    var distro: String

    @Argument(help: "The version's id: the day in UTC, YYYY-MM-DD or YYYY-MM-DD.N.")
    var version: String

    @Argument(help: "A raw disk, an ISO, a block device, another disk format, compressed or not, or a URL of one.")
    var image: String

    @Option(help: "The distribution's title.")
    var title: String?

    @Option(help: "The distribution in a sentence.")
    var summary: String?

    @Option(help: "The distribution's home page.")
    var homepage: String?

    @Option(help: "The processor, as uname -m prints it.")
    var architecture: String?

    @Option(help: "The guest's memory in MiB.")
    var memory: Int?

    @Option(help: "The guest's processors.")
    var cpus: Int?

    @Option(help: "bios or uefi.")
    var firmware: GuestSettings.Firmware?

    @Option(help: "disk or cdrom.")
    var media: GuestSettings.Media?

    @Option(help: "The display adapter of a guest without a window: vga or none.")
    var adapter: GuestSettings.Adapter?

    @Option(help: "How to log in, for people.")
    var login: String?

    @Option(help: "How it learns at its first boot who may log in: none, nocloud, ignition, credentials or nuageinit.")
    var seed: SeedKind?

    @Option(help: "Whom ssh logs in as; root by default.")
    var user: String?

    @Option(help: "The processor that its programs need: x86-64-v1 to x86-64-v4.")
    var cpuLevel: CPULevel?

    @Flag(help: "The image has what lets a guest go on from a warm state: see share/park.")
    var park = false

    @Option(help: "What changed, for people.")
    var notes = ""

    @Option(help: "When it was published: YYYY-MM-DD or an RFC 3339 time; now by default.")
    var date: String?

    @Flag(help: "Accept a day that is ahead of this machine's clock.")
    var allowFuture = false

    @Option(
        help: ArgumentHelp(
            "Read only what has changed since an earlier image that was published.",
            discussion:
                "The path of that image, which shares its blocks on the disk with this one; of a qcow2, a bitmap's name, "
                + "which is that of a version.",
            valueName: "earlier"))
    var changedSince: String?

    @Flag(help: "With --changed-since: read everything nevertheless, and compare it.")
    var verifyUnchanged = false

    @Flag(
        help:
            "Boot it headless and publish which blocks its start reads; if that fails, a warning says so and the version stays."
    )
    var record = false

    @Option(help: "auto, kvm or tcg, for --record.")
    var accel: String?

    @OptionGroup var blocks: BlockOptions

    @OptionGroup var vendor: VendorFileOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        var new = try NewVersion(distribution: distro, version: version)
        (new.title, new.summary, new.homepage, new.architecture) = (title, summary, homepage, architecture)
        new.notes = notes
        if let date { new.published = try published(date) }
        new.guest = GuestSettings(
            memoryMiB: memory, cpus: cpus, firmware: firmware, media: media, adapter: adapter, login: login,
            seed: seed, cpuLevel: cpuLevel, user: user, park: park ? true : nil)
        var options = try blocks.options()
        options.signed = try vendor.signed()
        options.vendorFile = try vendor.file()
        options.changedSince = changedSince.map { ChangedSince($0, isVerified: verifyUnchanged) }

        let tree = try keyOptions.open(tree, clock)
        new.isFutureAllowed = try allowFuture || isConfirmed(new, tree)
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let (added, published) = try tree.add(
            new, image: image, options: options, progress: progress, cancellation: context.cancellation)
        printer.stop()
        Console.print("version: \(distro)@\(added.id)")
        ExpiryWarning.print(tree)
        AccessWarning.print(tree.path, isWhole: false)
        Summary.lines(published, keepsBlocks: added.hasBlocks).forEach(Console.print)
        guard record else { return }
        let recording = BootRecording(client: RecordingStep.client, memoryMiB: nil, accelerator: accel)
        try RecordingStep.attempt(recording, tree, distro, added.id, context)
        try RecompressStep.attempt(tree, distro, added.id, options, context)
    }

    /// Asks the user at a terminal about a day that looks like a typing error.
    private func isConfirmed(_ new: NewVersion, _ tree: PublishedTree) throws -> Bool {
        let day = new.version.date
        guard tree.isAhead(day), TerminalDevice.isTerminal(StandardDescriptor.input),
            TerminalDevice.isTerminal(StandardDescriptor.error)
        else { return false }
        Console.progress(
            "\(day) is \(day.dayNumber - tree.today.dayNumber) days ahead of this machine's clock, which says \(tree.today). "
                + "Publish \(distro)@\(version) anyway? [y/N] ")
        return ["y", "yes"].contains(Signals.unblocked { readLine() }?.lowercased())
    }

    private func published(_ text: String) throws -> Timestamp {
        if let time = Timestamp(text) { return time }
        if let day = CalendarDate(text) { return Timestamp(day) }
        throw PublisherError.usage(
            option: "--date", reason: "\(text.debugDescription) is neither YYYY-MM-DD nor an RFC 3339 time")
    }

    func validate() throws {
        if verifyUnchanged, changedSince == nil {
            throw ValidationError("--verify-unchanged is of use with --changed-since only")
        }
        if let memory, !GuestSettings.memoryBounds.contains(memory) {
            throw ValidationError("--memory \(memory) is out of bounds: MiB, at least 1")
        }
        if let cpus, !GuestSettings.cpuBounds.contains(cpus) {
            throw ValidationError("--cpus \(cpus) is out of bounds: 1 to \(GuestSettings.cpuBounds.upperBound)")
        }
        if let user, !GuestSettings.isValid(user: user) {
            throw ValidationError("--user must be of the form [a-z_][a-z0-9_-]{0,31}")
        }
    }
}

extension GuestSettings.Firmware: ExpressibleByArgument {}
extension GuestSettings.Media: ExpressibleByArgument {}
extension GuestSettings.Adapter: ExpressibleByArgument {}
extension SeedKind: ExpressibleByArgument {}
extension CPULevel: ExpressibleByArgument {}
