import Catalog
import Glibc
import Publisher

/// The recording of a version's start, as a step of several commands.
enum RecordingStep {
    /// Records and publishes.
    /// - Returns: the boot set's number of blocks.
    /// - Throws: ``PublisherError``; a failed start is noted in the catalog, for `stats`.
    static func run(
        _ recording: BootRecording, _ tree: PublishedTree, _ distribution: String, _ version: VersionID,
        _ context: Context
    ) throws(PublisherError) -> Int {
        do {
            let bootSet = try recording.record(
                tree: tree.path, distribution: distribution, version: version, cancellation: context.cancellation)
            try tree.publish(bootSet, of: distribution, version)
            return bootSet.ids.count
        } catch {
            if case .interrupted = error { throw error }
            try tree.noteRecordingFailure(ErrorReport.harmless(ErrorReport(error).why), of: distribution, version)
            throw error
        }
    }

    /// The same, for a version that stays published whatever comes of it: a failure is a warning.
    /// - Throws: ``PublisherError/interrupted(signal:)`` alone.
    static func attempt(
        _ recording: BootRecording, _ tree: PublishedTree, _ distribution: String, _ version: VersionID,
        _ context: Context
    ) throws(PublisherError) {
        do {
            Console.print("boot set: \(try run(recording, tree, distribution, version, context)) blocks")
        } catch {
            if case .interrupted = error { throw error }
            Console.error("oscircular-publish: \(distribution)@\(version) has no boot set: \(ErrorReport(error).text)")
        }
    }

    /// The client beside this program, else the one in PATH.
    static var client: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let beside = own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/oscircular"
        return access(beside, X_OK) == 0 ? beside : "oscircular"
    }
}
