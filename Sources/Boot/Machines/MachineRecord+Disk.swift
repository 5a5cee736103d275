import Catalog
import ContentAddress
import Linux

extension MachineRecord.Disk {
    /// Layers that one disk lies in at most: each is an open file of QEMU's, and a read may pass through all of them.
    package static let mostLayers = 64
    /// Of all snapshots together.
    static let mostInAll = 1024
    /// Bytes of a disk at most.
    package static let largest: UInt64 = 64 << 40

    static func isID(_ id: String) -> Bool {
        id.utf8.count == 12 && SessionID.isValid(id)
    }

    static func newID() -> String { SessionID.random() + String(SessionID.random().prefix(4)) }

    func layer(_ id: String) -> Layer? { layers.first { $0.id == id } }

    package func snapshot(_ name: String) -> Snapshot? { snapshots.first { $0.name == name } }

    /// A layer and those below it, the topmost first.
    func chain(of id: String?) -> [Layer] {
        var chain: [Layer] = []
        var next = id
        while let id = next, let layer = layer(id), chain.count <= layers.count {
            chain.append(layer)
            next = layer.parent
        }
        return chain
    }

    /// The layers that the guest's disk lies in, the topmost first.
    var chain: [Layer] { chain(of: top) }

    /// Bytes of the disk.
    package var size: UInt64 { layer(top)?.size ?? 0 }

    /// Puts an empty layer on top of another one.
    mutating func put(_ id: String, on parent: String?, size: UInt64) {
        layers.append(Layer(id: id, parent: parent, size: size, created: .now))
        (top, isTopEmpty) = (id, true)
    }

    /// Forgets the layers that neither the disk nor a snapshot needs.
    mutating func prune() {
        var needed: Set<String> = []
        for id in snapshots.map(\.layer) + [top] { needed.formUnion(chain(of: id).map(\.id)) }
        layers.removeAll { !needed.contains($0.id) }
    }

    /// Why this is no disk; nil where it is one.
    var fault: String? {
        guard !layers.isEmpty, layers.count <= Self.mostInAll, snapshots.count <= Self.mostInAll else {
            return "it has no layers, or too many"
        }
        let ids = Set(layers.map(\.id))
        guard ids.count == layers.count, ids.allSatisfy(Self.isID), ids.contains(top) else {
            return "its layers are not as this program names them"
        }
        for layer in layers {
            guard layer.size > 0, layer.size <= Self.largest, layer.size % 512 == 0,
                layer.parent.map(ids.contains) ?? true, chain(of: layer.id).last?.parent == nil,
                chain(of: layer.id).count <= Self.mostLayers
            else { return "its layers do not lie on one another" }
        }
        guard Set(snapshots.map(\.name)).count == snapshots.count,
            snapshots.allSatisfy({ KeptName($0.name) != nil && ids.contains($0.layer) && $0.layer != top })
        else { return "its snapshots are not as this program names them" }
        return nil
    }
}

extension MachineRecord {
    /// Why this is no machine's; nil where it is.
    var faultOfContents: String? {
        if let fault = disk.fault { return fault }
        guard [512, 4096].contains(sectorSize), (1...16_777_216).contains(memoryMiB), (1...4096).contains(cpus) else {
            return "no machine can have this memory, this many processors or such a disk"
        }
        guard Distribution.isValid(id: base.distribution), FileDigest(base.indexDigest) != nil,
            MachineRecord.isLine(base.source.name), !base.source.name.contains("/")
        else { return "its base is not as this program names it" }
        func isHex(_ text: some StringProtocol, _ groups: [Int], _ separator: Character) -> Bool {
            let parts = text.split(separator: separator, omittingEmptySubsequences: false)
            return parts.map(\.utf8.count) == groups
                && parts.allSatisfy { $0.allSatisfy { $0.isASCII && $0.isHexDigit } }
        }
        guard isHex(identity.mac, [2, 2, 2, 2, 2, 2], ":"), isHex(identity.uuid, [8, 4, 4, 4, 12], "-"),
            GuestSettings.isValid(user: identity.user), MachineRecord.isLine(identity.instanceID),
            MachineRecord.isLine(identity.hostName), identity.passwordHash.map(MachineRecord.isLine) ?? true
        else { return "its identity is not as this program makes one" }
        return nil
    }

    /// Text that can stand in a seed's line.
    private static func isLine(_ text: String) -> Bool {
        (1...256).contains(text.utf8.count) && text.utf8.allSatisfy { (33...126).contains($0) }
    }
}
