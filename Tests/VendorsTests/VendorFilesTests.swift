import Foundation
import Testing
import Upstream

@testable import Vendors

/// The table of vendors that is installed.
@Suite struct VendorFilesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../share/vendors").standardizedFileURL

    /// Each file with its name; what is wrong with it, or what it says.
    private static func read() throws -> [(name: String, file: Result<VendorFile, VendorsError>)] {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".toml") }
        return try names.sorted().map { name in
            let bytes = [UInt8](try Data(contentsOf: folder.appending(path: name)))
            return (
                name,
                Result { () throws(VendorsError) in
                    try VendorFile(bytes, file: name, name: String(name.dropLast(5)))
                }
            )
        }
    }

    private static func files() throws -> [VendorFile] { try read().map { try $0.file.get() } }

    @Test func everyFileIsRight() throws {
        for (name, file) in try Self.read() {
            #expect(throws: Never.self, "\(name)") { try file.get() }
        }
    }

    @Test func thereAreManySystems() throws {
        let files = try Self.files()
        #expect(files.count >= 22)
        #expect(files.flatMap(\.rows).count >= 100)
    }

    @Test func namesMeanOneSystem() throws {
        let rows = try Self.files().flatMap(\.rows)
        // An alias may mean one for each processor, and no other's id.
        let names = rows.flatMap { row in row.aliases.map { "\($0) \(row.architecture)" } + [row.id] }
        #expect(Dictionary(grouping: names) { $0 }.filter { $0.value.count > 1 }.keys.sorted() == [])
        #expect(Set(rows.map(\.id)).isDisjoint(with: rows.flatMap(\.aliases)))
    }

    /// A table that comes over http could be anybody's.
    @Test func everyAddressIsHTTPS() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path) {
            let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
            #expect(!text.contains("http:"), "\(name)")
        }
    }

    @Test func everyKeyIsPinnedAndUsed() throws {
        for file in try Self.files() {
            let used = Set(file.rows.filter { $0.proof.subject != .absent }.flatMap(\.proof.keys))
            #expect(Set(file.vendor.keys.map(\.name)) == used, "\(file.vendor.name)")
        }
    }

    /// What is streamed can be told from other builds, and what nobody signs has at least a digest or says so.
    @Test func everyRowSaysHowFarItIsVerified() throws {
        for file in try Self.files() {
            for row in file.rows where row.proof.subject == .absent {
                let hasDigest = row.proof.sums != nil || [.releasesJSON, .coreosStream].contains(row.listing.kind)
                #expect(hasDigest, "\(row.id) has neither sums nor a signature")
            }
        }
    }

    @Test func theVendorsThatWePromiseAreThere() throws {
        let names = Set(try Self.files().map(\.vendor.name))
        let promised: Set = [
            "debian", "ubuntu", "ubuntu-desktop", "fedora", "fedora-coreos", "centos", "rocky", "almalinux", "opensuse",
            "arch", "alpine", "gentoo", "flatcar", "linuxcontainers", "freebsd", "openbsd", "netbsd", "haiku", "nixos",
            "void", "kali", "amazon", "oracle",
        ]
        #expect(promised.subtracting(names).sorted() == [])
    }
}
