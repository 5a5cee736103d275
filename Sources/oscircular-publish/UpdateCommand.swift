import ArgumentParser
import Catalog
import Publisher

/// `update TREE --recipe FILE`: a week's run.
struct UpdateCommand: PublishSubcommand {
    static let configuration = CommandConfiguration(
        commandName: "update", abstract: "Publish new versions of all distributions in a recipe, then prune.",
        discussion:
            "For a timer. A distribution that fails does not stop the others, and is tried again next time.")

    @Argument(help: "The tree.")
    var tree: String

    @Option(help: "The recipe (TOML).")
    var recipe: String

    @Option(help: "The day of the run, YYYY-MM-DD; today in UTC by default.")
    var date: String?

    @Flag(help: "Accept days that are ahead of this machine's clock.")
    var allowFuture = false

    @Option(help: "Where built images are kept for the next build; a folder in your state by default.")
    var work: String?

    @Option(help: "auto, kvm or tcg, for recordings and warm states.")
    var accel: String?

    func validate() throws {
        try RecordingStep.check(accelerator: accel)
    }

    @OptionGroup var blocks: BlockOptions

    @OptionGroup var keyOptions: KeyOptions

    @OptionGroup var clock: ClockOptions

    func run(_ context: Context) throws {
        let recipe = try Recipe(file: recipe)
        let today = String(Timestamp.now.description.prefix(10))
        guard let day = CalendarDate(date ?? today) else {
            throw PublisherError.usage(option: "--date", reason: "\(date ?? today) is not a day such as 2026-11-16")
        }
        let published = try keyOptions.open(tree, clock)
        let folder = SigningKeys.usualFolder.dropLast("keys".count) + "work"
        let weekly = WeeklyRun(
            tree: published, recipe: recipe, day: day, work: work ?? String(folder),
            allowsFuture: allowFuture)
        var failure: (any Error)?
        for entry in recipe.distributions {
            do throws(PublisherError) {
                try run(entry, weekly, published, context)
            } catch {
                if case .interrupted = error { throw error }
                Console.error("oscircular-publish: \(entry.id): \(ErrorReport(error).text)")
                if failure == nil { failure = error }
            }
        }
        if let rule = recipe.rule {
            let result = try published.prune(rule, cancellation: context.cancellation)
            PruneCommand.lines(result, dryRun: false).forEach(Console.print)
        }
        ExpiryWarning.print(published)
        AccessWarning.print(published.path, isWhole: false)
        if let failure { throw failure }
    }

    private func run(
        _ entry: Recipe.Entry, _ weekly: WeeklyRun, _ published: PublishedTree, _ context: Context
    ) throws(PublisherError) {
        let options: PublishOptions
        do { options = try blocks.options() } catch let error as PublisherError { throw error } catch {
            throw .usage(option: "--block-size", reason: "\(error)")
        }
        let progress = PublishProgress()
        let printer = ProgressPrinter(progress)
        defer { printer.stop() }
        let outcome = try weekly.run(entry, options: options, progress: progress, cancellation: context.cancellation)
        printer.stop()
        switch outcome {
        case .nothingNew(let reason): Console.print("\(entry.id): nothing new, \(reason)")
        case .published(let version, let image):
            Console.print("\(entry.id): published \(entry.id)@\(version.id)")
            Summary.lines(image, keepsBlocks: version.hasBlocks).forEach(Console.print)
            if entry.isRecorded {
                let recording = BootRecording(client: RecordingStep.client, accelerator: accel)
                try RecordingStep.attempt(recording, published, entry.id, version.id, context)
                try RecompressStep.attempt(published, entry.id, version.id, options, context)
            }
            if entry.isWarm {
                let recording = WarmRecording(client: RecordingStep.client, accelerator: accel)
                try WarmStep.attempt(recording, published, entry.id, version.id, options, context)
            }
        }
    }
}
