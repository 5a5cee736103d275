import Catalog
import Curl
import Formats
import GuestDomain
import Vendors

/// What is written down of a kept machine: `machines/NAME/record.json`. Its name is the folder's.
package struct MachineRecord: Codable, Sendable, Equatable {
    /// The only format there is. It rises when an earlier release would misread or damage what is there.
    package static let currentFormat = 1

    package private(set) var format = MachineRecord.currentFormat
    package var created: Timestamp
    /// When a session last began with it; nil before the first one did.
    package var lastStarted: Timestamp?
    package var base: Base
    package var identity: Identity
    package var firmware: GuestSpecification.Firmware
    /// Bytes of a sector of its disk.
    package var sectorSize: Int
    /// What it had the last time.
    package var memoryMiB: Int
    package var cpus: Int
    package var disk: Disk
    /// The disk that was its user's home the last time; nil for none.
    package var home: String?
    /// Why it cannot be used any more: what it has read was not what its vendor says.
    package var fault: String?

    /// What stands under its own disk: one image, for ever.
    package struct Base: Codable, Sendable, Equatable {
        /// Where it came from, and what its server is.
        package var source: CatalogSource
        package var sourceKind: AddressKind?
        package var distribution: String
        package var title: String
        package var architecture: String
        package var version: VersionID
        package var published: Timestamp
        /// The distribution's and the version's together.
        package var guest: GuestSettings
        /// The tree's block store and mirrors, as ``CatalogDocument`` has them.
        package var blocks: String
        package var mirrors: [String]
        /// Bytes of what the index describes.
        package var size: UInt64
        /// Of the image, or of the vendor's file: `sha256:…`, `sha512:…`; nil where nobody has said.
        package var digest: String?
        /// `sha256:…` of the machine's own copy of the index: with it every block is known.
        package var indexDigest: String
        /// The vendor's file; nil where the blocks lie in a publisher's tree.
        package var vendor: VersionSource?
        package var file: PinnedFile?

        /// CATALOG/DISTRO@VERSION.
        package var key: VersionKey {
            VersionKey(catalog: source.name, distribution: distribution, version: version.text)
        }
    }

    /// By what the guest, and cloud-init in it, know that it is the same machine.
    package struct Identity: Codable, Sendable, Equatable {
        /// `52:54:00:…`.
        package var mac: String
        package var uuid: String
        package var instanceID: String
        package var hostName: String
        /// Whom ssh logs in as.
        package var user: String
        /// Of the password for its console, in the form of crypt(5); nil for none.
        package var passwordHash: String?

        /// Another machine's.
        package static func make(hostName: String, user: String) -> Identity {
            let bytes = (0..<3).map { _ in UInt8.random(in: 0...255) }
            let end = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined(separator: ":")
            return Identity(
                mac: "52:54:00:\(end)", uuid: RandomUUID.make(), instanceID: "oscircular-\(RandomUUID.make())",
                hostName: hostName, user: user)
        }
    }

    /// Its own disk: layers over the base, of which only the topmost changes.
    package struct Disk: Codable, Sendable, Equatable {
        package var layers: [Layer]
        /// The layer that takes what the guest writes.
        package var top: String
        /// Whether nothing was written to it yet.
        package var isTopEmpty: Bool
        /// In the order of their making.
        package var snapshots: [Snapshot]

        package struct Layer: Codable, Sendable, Equatable {
            /// ``Disk/isID(_:)``; its file is `layers/ID.qcow2`.
            package var id: String
            /// The layer below; nil for the base.
            package var parent: String?
            /// Bytes of the disk.
            package var size: UInt64
            package var created: Timestamp
        }

        /// The disk of one moment.
        package struct Snapshot: Codable, Sendable, Equatable {
            package var name: String
            package var layer: String
            package var created: Timestamp
        }
    }
}
