import Catalog
import Formats
import Upstream

/// A system that a vendor offers: a `[[system]]` of the table. oscircular-vendors(5) says what each key means.
package struct VendorRow: Sendable, Hashable, Codable {
    /// What kind of system it is, for the menu.
    package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        case cloud, minimal, server, desktop, live, installer, containers
    }

    /// Names release and kind: `ubuntu-24.04-minimal`.
    package var id: String
    package var title: String
    package var summary = ""
    /// Other ids that mean it: `ubuntu`.
    package var aliases: [String] = []
    /// The vendor's ``Vendor/name``.
    package var vendor: String
    /// The heading that it is listed under.
    package var group: String
    package var homepage: String?
    /// `24.04`; nil for a system without releases.
    package var release: String?
    package var kind: Kind
    /// As `uname -m` has it.
    package var architecture = "x86_64"
    package var supportEnds: CalendarDate?
    /// What could not be checked when the table was written; nil for nothing.
    package var unchecked: String?

    /// Who says all this.
    package var origin = TableOrigin.folder
    package var listing: ListingPlace
    package var proof: Proof
    /// The vendor's keys that may have signed, of the signature's kind.
    package var signers: [Vendor.PinnedKey] = []

    package var format: DiskFormat
    /// What the file must be unpacked from, whole, before it is of use.
    package var packing: Packing?
    /// Whether the file is downloaded whole before it is used.
    package var isDownloadOnly: Bool
    /// About how many bytes the file has; nil where nobody said.
    package var sizeHint: UInt64?
    /// The vendor's builds that exist at a time, and the days that each does; nil where they stay for months.
    package var keptBuilds: Int?
    package var keptDays: Int?
    /// Firmware, memory, seed, login and the like.
    package var guest: GuestSettings

    /// Whether nothing of a file is of use before all of it is here.
    package var isWholeFirst: Bool { isDownloadOnly || packing != nil }

    /// Whether a build is soon gone, so that the rest of a file that is used should be fetched at once.
    package var isShortLived: Bool { (keptBuilds ?? .max) <= 6 || (keptDays ?? .max) <= 14 }

    package enum Packing: String, Sendable, Hashable, Codable, CaseIterable {
        case gz, xz, bz2, zst, zip
        case sevenZip = "7z"
    }

    /// Where builds are listed, and what of a listing is one.
    package struct ListingPlace: Sendable, Hashable, Codable {
        package enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
            case directory, simplestreams, fixed
            case coreosStream = "coreos-stream"
            case releasesJSON = "releases-json"
            case gitlabPackages = "gitlab-packages"
            case textList = "text-list"
        }

        package var kind: Kind
        /// URLs; folders in their paths may be patterns.
        package var upstream: [String]
        /// An entry pattern.
        package var entry: String?
        /// A path from the page, or a URL, with placeholders.
        package var image: String?
        /// What a build is called, with placeholders; nil where the name from the first placeholder of the entry to the last does.
        package var build: String?
        package var product: String?
        package var item: String?
        /// Ends with a slash.
        package var base: String?
        /// Each ends with a slash.
        package var mirrors: [String] = []
        package var metalink: String?
        /// How many builds are offered.
        package var most = 30
    }

    /// How far a file can be verified by what the vendor publishes.
    package struct Proof: Sendable, Hashable, Codable {
        package enum Subject: String, Sendable, Hashable, Codable, CaseIterable {
            case absent = "none"
            case sums, image, listing
        }

        package var sums: String?
        package var signature: String?
        package var kind: SignatureKind = .openpgp
        package var subject: Subject = .absent
        /// Names of the vendor's keys.
        package var keys: [String] = []
        package var torrent: String?

        /// How sure one can be of a byte before a guest reads it.
        package var trust: TrustLevel {
            if subject == .absent { return .none }
            return torrent == nil ? .whole : .pieces
        }
    }
}
