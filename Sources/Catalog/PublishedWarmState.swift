/// A guest of a version that its publisher started, put to sleep and saved: a start from it does not boot. It is a signed record, and an
/// index of the bytes that the record describes, which are blocks of the publisher's tree.
package struct PublishedWarmState: Sendable, Hashable, Codable {
    /// The record, relative to `targets/`: `debian/2026-11-16.pc-q35-7.2.tcg.qemu64.warm.json`.
    package var record: String
    /// The index, relative to `targets/`: the same name that ends with `.caibx`.
    package var index: String
    /// Bytes that the index lists.
    package var size: UInt64
    /// Bytes of its blocks as they lie in the block store: what a reader fetches.
    package var storedSize: UInt64
    /// `kvm` or `tcg`: one cannot go on with what the other saved.
    package var accelerator: String
    /// QEMU's type of machine with its version: `pc-q35-7.2`.
    package var machine: String
    /// QEMU's name of the processor that the guest saw: `qemu64`.
    package var processor: String
    /// Seconds that the publisher's guest took from its start until it slept.
    package var bootSeconds: Double

    /// The most of one version.
    package static let most = 16
    /// The most bytes that one lists.
    package static let longest: UInt64 = 16 << 30
    /// The ending of a record's name.
    package static let recordEnding = ".warm.json"

    package init(
        record: String, index: String, size: UInt64, storedSize: UInt64, accelerator: String, machine: String,
        processor: String, bootSeconds: Double
    ) {
        (self.record, self.index, self.size, self.storedSize) = (record, index, size, storedSize)
        (self.accelerator, self.machine, self.processor) = (accelerator, machine, processor)
        self.bootSeconds = bootSeconds
    }

    /// The names of record and index of what was saved on such a machine.
    package static func names(
        _ distribution: String, _ version: VersionID, machine: String, accelerator: String, processor: String
    ) -> (record: String, index: String) {
        let name = "\(distribution)/\(version).\(machine).\(accelerator).\(processor)"
        return (name + recordEnding, name + ".caibx")
    }

    /// Whether another one is of the same kind of machine: a newer one takes its place.
    package func isAlike(_ other: PublishedWarmState) -> Bool {
        (accelerator, machine, processor) == (other.accelerator, other.machine, other.processor)
    }

    /// What is wrong with it; nil where nothing is.
    var fault: String? {
        let words = [accelerator, machine, processor]
        guard words.allSatisfy({ (1...64).contains($0.utf8.count) && $0.utf8.allSatisfy(Self.isPlain) }) else {
            return "its machine is not named as QEMU names one"
        }
        guard ["kvm", "tcg"].contains(accelerator) else { return "its accelerator is neither kvm nor tcg" }
        guard record.hasSuffix(Self.recordEnding), index.hasSuffix(".caibx"), CatalogDocument.isPath(record),
            CatalogDocument.isPath(index)
        else { return "its files are not named as a publisher names them" }
        guard (1...Self.longest).contains(size), storedSize <= 2 * Self.longest else {
            return "its size is out of bounds"
        }
        guard bootSeconds.isFinite, (0...86_400).contains(bootSeconds) else { return "its time is out of bounds" }
        return nil
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: ".-_".utf8.contains(byte)
        }
    }
}

/// One of a list as it is read: nil where this program cannot use it, which leaves the version as good as one without.
struct ReadWarmState: Decodable {
    let state: PublishedWarmState?

    init(from decoder: any Decoder) {
        // A later program's, or nobody's.
        let state = try? PublishedWarmState(from: decoder)
        self.state = state?.fault == nil ? state : nil
    }
}
