import Catalog
import FoundationEssentials
import Linux

/// Starts a guest of a published version that nobody uses, and has it saved asleep, as readers' clients go on with it.
///
/// The client itself does it, in folders of its own: `oscircular fetch --warm --export`. What comes out is what the client reads again.
package struct WarmRecording: Sendable {
    /// `oscircular`, by path or by name.
    private let client: String
    private let accelerator: String?

    /// - Parameter accelerator: `kvm` or `tcg`; nil for what this machine has.
    package init(client: String, accelerator: String? = nil) {
        (self.client, self.accelerator) = (client, accelerator)
    }

    /// What came of it, in a folder that lives as long as this value.
    package struct Made: Sendable {
        /// What is to be signed: the client's own words about the bytes.
        let record: [UInt8]
        /// The bytes' file.
        let bytes: String
        let summary: WarmSummary
        private let folder: Holder

        fileprivate init(record: [UInt8], bytes: String, summary: WarmSummary, folder: Holder) {
            (self.record, self.bytes, self.summary, self.folder) = (record, bytes, summary, folder)
        }
    }

    /// Removes the client's folders with the last who needs them.
    fileprivate final class Holder: Sendable {
        let folder: ClientFolder

        init(_ folder: ClientFolder) { self.folder = folder }

        deinit { folder.remove() }
    }

    /// Bytes of the longest record that readers take.
    private static let longestRecord = 262_144

    /// Waits until the guest has started, slept and been saved.
    /// - Parameters:
    ///   - tree: the tree's folder.
    ///   - source: the vendor's file that the version's bytes come from; nil where the tree has its blocks.
    /// - Throws: ``PublisherError``: `warmFailed` when nothing was saved, or when it has secrets that nobody may have.
    package func make(
        tree: String, distribution: String, version: VersionID, source: VersionSource? = nil, cancellation: Cancellation
    ) throws(PublisherError) -> Made {
        let accelerators = accelerator.map { ["[guest]", "accel = \"\($0)\""] } ?? []
        let holder = Holder(
            try ClientFolder(
                client: client, servers: ClientFolder.servers(of: source),
                settings: ["[warm]", "make = \"never\""] + accelerators))
        let folder = holder.folder
        let place = "\(folder.path)/export"
        do throws(PublisherError) {
            try folder.follow(tree, cancellation)
            try folder.run(
                ["fetch", "--warm", "--export", place, "tree/\(distribution)@\(version)"], cancellation)
        } catch {
            guard case .recordingFailed(let reason) = error else { throw error }
            throw .warmFailed(reason: reason)
        }
        let record: [UInt8]
        do { record = try FileContents.read("\(place)/record.json", limit: WarmRecording.longestRecord) } catch {
            throw .unreadable(error)
        }
        let summary = try WarmSummary(record)
        guard summary.state.distribution == distribution, summary.state.version == version.text else {
            throw .warmFailed(reason: "the client saved \(summary.state.distribution)@\(summary.state.version)")
        }
        return Made(record: record, bytes: "\(place)/state", summary: summary, folder: holder)
    }
}

/// The part of a client's record that the catalog repeats.
struct WarmSummary: Decodable, Sendable, Equatable {
    struct State: Decodable, Sendable, Equatable {
        struct Guest: Decodable, Sendable, Equatable { let accelerator: String }
        struct Memory: Decodable, Sendable, Equatable { let origin: Origin }
        struct Origin: Decodable, Sendable, Equatable { let machine: String }

        let distribution: String
        let version: String
        let guest: Guest
        let memory: Memory
        let bootSeconds: Double
    }

    let processor: String
    let state: State

    /// - Throws: ``PublisherError/warmFailed(reason:)``.
    init(_ record: [UInt8]) throws(PublisherError) {
        do { self = try JSONDecoder().decode(WarmSummary.self, from: Data(record)) } catch {
            throw .warmFailed(
                reason: "the client's record is not as this program knows it; both should be of one release")
        }
    }
}
