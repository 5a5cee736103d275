import Catalog
import FoundationEssentials
import GuestDomain

/// What a publisher signs of a guest that it saved asleep: a target `DISTRO/VERSION.….warm.json`. The bytes that it describes follow each
/// other in one index, as ``parts`` says.
struct PublishedRecord: Codable, Sendable, Equatable {
    /// The only format there is.
    static let currentFormat = "oscircular-warm/1"

    /// A file of the state.
    struct Part: Codable, Sendable, Equatable {
        enum Name: String, Codable, Sendable, CaseIterable {
            case memory, overlay, variables, seed
        }

        var name: Name
        /// Bytes; more than 0.
        var size: UInt64
    }

    private(set) var format = PublishedRecord.currentFormat
    /// QEMU's name of the processor that the guest saw.
    var processor: String
    /// In the order of ``Part/Name``.
    var parts: [Part]
    /// As the publisher's client made it, but for the memory's packing.
    var state: WarmRecord

    init(processor: String, parts: [Part], state: WarmRecord) {
        (self.processor, self.parts, self.state) = (processor, parts, state)
    }

    /// The most that the parts beside the memory may have together: a disk takes the writes of one boot.
    private static let mostBeside: UInt64 = 4 << 30

    /// Reads a record that its publisher has signed for a version. It is as bad as any other input: who signs may be careless, or robbed.
    /// - Parameter version: what the record is offered for. Its catalog's name here takes the place of the publisher's.
    /// - Throws: ``PublishedStateError/record(_:)``.
    init(
        _ bytes: [UInt8], of version: ChosenVersion, _ offered: PublishedWarmState
    ) throws(PublishedStateError) {
        let decoder = JSONDecoder()
        struct Format: Decodable { let format: String? }
        // What is no JSON is said below.
        let format = (try? decoder.decode(Format.self, from: Data(bytes)))?.format
        if let format, format != PublishedRecord.currentFormat {
            throw .record("it is of the unknown format \(format.debugDescription)")
        }
        do { self = try decoder.decode(PublishedRecord.self, from: Data(bytes)) } catch {
            throw .record("it is not as this program reads one")
        }
        if let fault = self.fault(of: version, offered) { throw .record(fault) }
        state.catalog = version.source.name
    }

    /// Why it is not what is offered; nil where it is.
    private func fault(of version: ChosenVersion, _ offered: PublishedWarmState) -> String? {
        guard state.format == WarmRecord.currentFormat else { return "a newer release of this program made it" }
        if let fault = state.fault { return fault }
        guard state.distribution == version.distribution.id, state.version == version.version.id.text else {
            return "it is of \(state.distribution)@\(state.version)"
        }
        guard state.guest.accelerator.rawValue == offered.accelerator, state.memory.origin.machine == offered.machine,
            processor == offered.processor, processor == state.guest.portableProcessor
        else { return "it is of another machine than the catalog says" }
        guard state.bootSeconds == offered.bootSeconds else {
            return "its guest's boot took another time than the catalog says"
        }
        guard state.isForOthers == true else { return "it was not made for others" }
        let model = state.guest.accelerator == .kvm ? PortableProcessor.ofHardware : nil
        guard state.guest.processorModel == model else {
            return "its processor is none that this program gives a guest"
        }
        // One that lets the guest see the publisher's own processor could not go on here.
        guard state.memory.origin.processor == nil else { return "it was saved on the publisher's own processor" }
        let names = parts.map(\.name)
        guard names == Part.Name.allCases.filter(state.parts.contains), parts.allSatisfy({ $0.size > 0 }) else {
            return "it does not have the files that such a guest has"
        }
        guard parts[0].size == state.memory.size else { return "its memory has two lengths" }
        var beside: UInt64 = 0
        for part in parts.dropFirst() {
            guard part.size <= PublishedRecord.mostBeside - beside else { return "its disk is too large" }
            beside += part.size
        }
        guard state.memory.size + beside == offered.size else { return "it has another length than the catalog says" }
        return nil
    }
}

/// Why a published state is not used. What a version has of those is no reason not to boot it.
package enum PublishedStateError: Error, Sendable, Equatable {
    /// Its record is not one for what it is offered for, in words that go on after "the record of the published warm state is not used: ".
    case record(String)
    /// It has what nobody but its publisher should have, in words that go on after "the state has ".
    case secret(String)
    /// It cannot go on in other machines, in words.
    case notPortable(String)
    /// Its bytes are not what its record says, in words that go on after "the published warm state is not used: ".
    case damaged(String)
}

extension WarmRecord {
    /// The files that it describes.
    var parts: Set<PublishedRecord.Part.Name> {
        var parts: Set<PublishedRecord.Part.Name> = [.memory]
        if overlayDigest != nil { parts.insert(.overlay) }
        if variablesDigest != nil { parts.insert(.variables) }
        if seedDigest != nil { parts.insert(.seed) }
        return parts
    }

    /// `sha256:…` of a file.
    func digest(of part: PublishedRecord.Part.Name) -> String? {
        switch part {
        case .memory: memory.digest
        case .overlay: overlayDigest
        case .variables: variablesDigest
        case .seed: seedDigest
        }
    }
}

extension WarmRecord.Guest {
    /// QEMU's name of the processor that the guest sees; nil for this machine's own.
    var portableProcessor: String? {
        PortableProcessor.name(
            architecture, accelerator, level: processor.flatMap(ProcessorLevel.init), model: processorModel)
    }
}

extension WarmFolder {
    /// Where a file of the state is.
    func path(of part: PublishedRecord.Part.Name) -> String {
        switch part {
        case .memory: memory
        case .overlay: overlay
        case .variables: variables
        case .seed: seed
        }
    }
}
