import Catalog
import Linux

extension PublishedTree {
    /// Publishes a guest that was saved asleep: blocks first, then record and index, then the catalog that names them. One of the same kind
    /// of machine is replaced; its blocks stay for readers of an older catalog.
    /// - Returns: what the catalog has of it, and what it added to the store.
    /// - Throws: ``PublisherError``; the catalog is as it was then.
    package func publish(
        _ made: WarmRecording.Made, of distribution: String, _ version: VersionID, options: PublishOptions,
        progress: PublishProgress = PublishProgress(), cancellation: Cancellation = Cancellation()
    ) throws(PublisherError) -> (state: PublishedWarmState, image: PublishedImage) {
        let lock = try lock()
        defer { lock.unlock() }
        let contents = try contents()
        try checkClock(contents)
        try checkNothingWaits()
        guard try contents.catalog().distribution(distribution)?.version(version) != nil else {
            throw contents.noVersion(version, of: distribution)
        }
        let summary = made.summary
        let names = PublishedWarmState.names(
            distribution, version, machine: summary.state.memory.origin.machine,
            accelerator: summary.state.guest.accelerator, processor: summary.processor)
        // The index gets its name when it is signed; until then it lies beside that name, hidden.
        let hidden = "\(path)/targets/\(distribution)/.\(version).warm.caibx"
        // One that stays is replaced by the next try, or swept.
        defer { _ = try? Paths.remove(hidden) }
        var options = options
        (options.digestsImage, options.isAnyFile) = (false, true)
        let image = try ImagePublisher(options: options, progress: progress, cancellation: cancellation)
            .publish(image: made.bytes, index: hidden, store: blocks)
        let index: [UInt8]
        do { index = try FileContents.read(hidden, limit: CatalogDocument.longestIndex) } catch {
            throw .unreadable(error)
        }
        let state = PublishedWarmState(
            record: names.record, index: names.index, size: image.size, storedSize: image.storedBytes,
            accelerator: summary.state.guest.accelerator, machine: summary.state.memory.origin.machine,
            processor: summary.processor, bootSeconds: summary.state.bootSeconds)
        try change(
            distribution, version, files: [(names.record, made.record), (names.index, index)]
        ) { entry in
            entry.warm.removeAll(where: state.isAlike)
            entry.warm.append(state)
            entry.warm.sort { $0.record < $1.record }
        }
        return (state, image)
    }
}
