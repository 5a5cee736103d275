import Catalog
import ContentAddress
import GuestDomain

/// What is written down of a suspended guest: `suspended/ID/record.json`. Its id is the folder's, and was and will be its session's.
package struct SuspendRecord: Codable, Sendable, Equatable {
    /// The newest format there is. It rises when an earlier release would misread or damage what is there.
    package static let currentFormat = 2

    /// ``currentFormat`` for a guest that went on from a warm state: the first release would lay its disk on the image alone, and look for its
    /// home where it is not. 1 for all others, which that release can resume.
    package private(set) var format: Int
    /// When the guest was stopped.
    package var created: Timestamp
    package var catalog: String
    package var distribution: String
    package var version: String
    package var title: String
    /// What it was started with; a kept machine is one to be started.
    package var request: BootRequest
    package var guest: Guest { didSet { format = guest.format } }
    /// Nil where only the disk is there: the memory was not saved to its end, or has been used.
    package var memory: Memory?
    /// What stands under its disk; nil for a kept machine, which has its own.
    package var base: MachineRecord.Base?

    /// The kept machine that it is; nil for a guest that is thrown away when it ends.
    package var machine: String? { request.machine?.name }

    package init(
        created: Timestamp, catalog: String, distribution: String, version: String, title: String,
        request: BootRequest, guest: Guest, base: MachineRecord.Base?
    ) {
        self.created = created
        (self.catalog, self.distribution, self.version, self.title) = (catalog, distribution, version, title)
        (self.request, self.guest, self.base) = (request, guest, base)
        format = guest.format
    }

    /// Its memory, as `memory.zst` has it.
    package struct Memory: Codable, Sendable, Equatable {
        /// Bytes of the file, and of what it unpacks to.
        package var size: UInt64
        package var content: UInt64
        /// `sha256:…` of the file.
        package var digest: String
        package var origin: MemoryOrigin
    }

    /// Why this is none of ours; nil where it is. Nothing of it may lead out of its folder.
    func fault(of id: String) -> String? {
        guard request.id == id else { return "it is another session's" }
        guard Distribution.isValid(id: distribution), !catalog.contains("/"), !version.contains("/") else {
            return "its version is not as this program names them"
        }
        guard base != nil || machine != nil else { return "nothing says what its disk lies on" }
        guard machine.map({ KeptName($0) != nil }) ?? true, request.home.map({ KeptName($0) != nil }) ?? true else {
            return "its machine or home is not as this program names them"
        }
        if let base, FileDigest(base.indexDigest) == nil || !Distribution.isValid(id: base.distribution) {
            return "its base is not as this program names it"
        }
        if let memory, FileDigest(memory.digest) == nil { return "its memory has no digest" }
        return guest.fault
    }
}
