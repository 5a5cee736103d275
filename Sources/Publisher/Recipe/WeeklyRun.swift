import Catalog
import Curl
import Linux
import Upstream

/// One run of a recipe: the next version of one distribution after the other.
package struct WeeklyRun: Sendable {
    private let tree: PublishedTree
    private let recipe: Recipe
    /// The day of the run.
    private let day: CalendarDate
    /// Where built images stay for the next build.
    private let work: String
    /// Takes days that are ahead of the clock.
    private let allowsFuture: Bool

    /// What became of a distribution.
    package enum Outcome: Sendable {
        case published(DistributionVersion, PublishedImage)
        /// A phrase says why not.
        case nothingNew(String)
    }

    package init(tree: PublishedTree, recipe: Recipe, day: CalendarDate, work: String, allowsFuture: Bool = false) {
        self.allowsFuture = allowsFuture
        self.tree = tree
        self.recipe = recipe
        self.day = day
        self.work = ResolvedPath.absolute(work)
    }

    /// Publishes what is new of a distribution.
    /// - Throws: ``PublisherError``; the distribution is as it was then, and the next run tries again.
    package func run(
        _ entry: Recipe.Entry, options: PublishOptions, progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) -> Outcome {
        try tree.checkClock()
        let known = try tree.catalog().distribution(entry.id)
        switch entry.source {
        case .upstream(let page, let pattern, let image, let sums):
            let upstream = try UpstreamPage(at: page, Downloads(cancellation: cancellation))
            guard !upstream.isCut else {
                throw .recipe(
                    file: recipe.file, key: "\(entry.id): upstream",
                    reason:
                        "cannot be read: its list continues after \(upstream.names.count) names: give a longer prefix, or a delimiter"
                )
            }
            guard let newest = pattern.newest(of: upstream.names) else {
                throw .recipe(
                    file: recipe.file, key: "\(entry.id): entry",
                    reason: "matches none of the \(upstream.names.count) names at \(URLText.public(page))")
            }
            let folder = URLText.withoutQuery(page)
            let url = folder + newest.fill(image)
            if UpstreamPage.isPublished(url, in: known) {
                return .nothingNew("upstream's newest is still \(newest.name)")
            }
            if let withdrawn = UpstreamPage.withdrawal(url, in: known) {
                return .nothingNew("upstream's newest is still \(newest.name), which was withdrawn as \(withdrawn.id)")
            }
            var options = options
            if let sums {
                options.digests = DigestListChoice(
                    sums == "none" ? sums : WeeklyRun.place(of: newest.fill(sums), image: url, page: folder))
            }
            options.signed = entry.signed
            if var file = entry.vendorFile {
                file.mirrors = file.mirrors.map(newest.fill)
                file.build = newest.name.hasSuffix("/") ? String(newest.name.dropLast()) : newest.name
                options.vendorFile = file
            }
            let version = free(
                (entry.isNamedByRun ? nil : newest.date.map { CalendarDate(dayNumber: $0.dayNumber) }) ?? day, known)
            return try publish(
                entry, version, image: url, notes: entry.notes.isEmpty ? "upstream \(newest.name)" : entry.notes,
                options, progress, cancellation)
        case .build(let command):
            let isPublished = known?.versions.contains { $0.id.date == day } ?? false
            if isPublished { return .nothingNew("\(day) is published") }
            // Before an hour's build, not after it.
            guard allowsFuture || !tree.isAhead(day) else { throw .ahead(day: day, today: tree.today) }
            return try build(entry, command, as: free(day, known), options, progress, cancellation)
        }
    }

    /// The whole URL of a list: a URL, a path from the page's folder, or a name beside the image.
    private static func place(of sums: String, image: String, page: String) -> String {
        sums.contains("/") && !sums.contains("://") ? page + sums : sums
    }

    /// The day's first name that no version has or had.
    private func free(_ day: CalendarDate, _ known: Distribution?) -> String {
        let used = Set((known?.versions.map(\.id.text) ?? []) + (known?.withdrawn.map(\.id.text) ?? []))
        var (id, number) = (day.description, 0)
        while used.contains(id) {
            number += 1
            id = "\(day).\(number)"
        }
        return id
    }

    private func build(
        _ entry: Recipe.Entry, _ command: [String], as version: String, _ options: PublishOptions,
        _ progress: PublishProgress, _ cancellation: Cancellation
    ) throws(PublisherError) -> Outcome {
        let builds = try BuildFolder(path: "\(work)/\(entry.id)")
        defer { builds.unlock() }
        let program =
            command[0].contains("/") && !command[0].hasPrefix("/") ? "\(recipe.folder)/\(command[0])" : command[0]
        let file: String? = program.contains("/") ? program : ProgramPath.find(program)
        let order = BuildFolder.Order(
            day: day, command: [ResolvedPath.resolve(tree.path), program] + command.dropFirst(),
            program: file.flatMap { BuildFolder.state(of: $0) } ?? "")
        progress.begin(.build, total: 0)
        // One that was built today by a run that could not publish it is used.
        var made = try builds.made(for: order)
        if made == nil {
            var environment = ChildProgram.environment
            environment["OSCIRCULAR_PREVIOUS"] = builds.previous ?? ""
            environment["OSCIRCULAR_VERSION"] = version
            made = try builds.make(for: order, by: program) { (output) throws(PublisherError) in
                environment["OSCIRCULAR_OUTPUT"] = output
                let ended: ChildProgram.Ended
                do throws(PublisherError) {
                    ended = try ChildProgram.run(
                        program, Array(command.dropFirst()), environment: environment, cancellation: cancellation)
                } catch {
                    guard case .programMissing = error else { throw error }
                    throw .buildFailed(
                        program: program, status: 127,
                        message: "there is no such program, or not the one that its first line names")
                }
                guard ended.status == 0 else {
                    let words = String(decoding: ended.errors, as: UTF8.self).split(separator: "\n").last
                        .map(String.init)
                    throw .buildFailed(program: program, status: ended.status, message: words ?? "it printed nothing")
                }
            }
        }
        guard let made else {
            throw .buildFailed(program: program, status: 0, message: "it did not create $OSCIRCULAR_OUTPUT")
        }
        let outcome: Outcome
        do throws(PublisherError) {
            outcome = try publish(
                entry, version, image: made.image, notes: made.notes ?? entry.notes, options, progress,
                cancellation)
        } catch {
            switch error {
            // It will not do next time either: the build must be done again.
            case .image, .programFailed: try builds.discard()
            default: break
            }
            throw error
        }
        try builds.keep(made)
        return outcome
    }

    private func publish(
        _ entry: Recipe.Entry, _ version: String, image: String, notes: String, _ options: PublishOptions,
        _ progress: PublishProgress, _ cancellation: Cancellation
    ) throws(PublisherError) -> Outcome {
        var new = try NewVersion(distribution: entry.id, version: version)
        (new.title, new.summary, new.homepage) = (entry.title, entry.summary, entry.homepage)
        (new.architecture, new.guest, new.notes) = (entry.architecture, entry.guest, notes)
        new.isSkippedUnchanged = true
        new.isFutureAllowed = allowsFuture
        do throws(PublisherError) {
            let (added, published) = try tree.add(
                new, image: image, options: options, progress: progress, cancellation: cancellation)
            return .published(added, published)
        } catch {
            guard case .unchanged(_, let same) = error else { throw error }
            let isWithdrawn = try tree.catalog().distribution(entry.id)?.withdrawal(of: same) != nil
            return .nothingNew("the image is that of \(same)" + (isWithdrawn ? ", which was withdrawn" : ""))
        }
    }
}
