import Linux
import TestSupport
import Testing

@testable import GuestDomain

/// What other programs make of our volumes.
@Suite(
    .enabled(
        if: BuiltProgram.isInstalled("fsck.vfat") && BuiltProgram.isInstalled("mcopy"),
        "needs dosfstools and mtools (share/install-packages test)"))
struct FATVolumeTests {
    private static let sizes = [0, 1, 511, 512, 513, 30_000, 400_000]

    private func contents(_ size: Int, _ first: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9 &+ first) }
    }

    @Test(arguments: sizes)
    func isReadByOthersByteForByte(_ size: Int) async throws {
        let folder = try TemporaryDirectory()
        let files = [
            (name: "meta-data", contents: contents(size, 1)),
            (name: "user-data", contents: contents(400_000 - size, 2)),
            // As long as one entry, and a name of two.
            (name: "thirteen-word", contents: contents(7, 3)),
            (name: "network-configuration", contents: contents(513, 4)),
        ]
        let volume = try folder.write(FATVolume(label: "CIDATA", files: files).bytes(), to: "volume")
        let check = try await BuiltProgram.runAny("fsck.vfat", ["-n", "-v", volume])
        #expect(check.status == 0, "\(check.stdout)")
        #expect(check.stdout.contains("12 bit entries"), "\(check.stdout)")
        #expect(!check.stdout.contains("Label '"), "\(check.stdout)")
        for file in files {
            let copy = try await BuiltProgram.runAny(
                "mcopy", ["-n", "-i", volume, "::\(file.name)", folder.path("copy")])
            #expect(copy.status == 0, "\(copy.stderr)")
            let read = try FileContents.read(folder.path("copy"), limit: 1 << 20)
            #expect(read == file.contents, "\(file.name)")
            try Paths.remove(folder.path("copy"))
        }
        let names = try await BuiltProgram.runAny("mdir", ["-b", "-i", volume, "::"])
        #expect(names.stdout.split(separator: "\n").map { String($0.dropFirst(3)) } == files.map(\.name), "\(names)")
        let label = try await BuiltProgram.runAny("blkid", ["-p", "-o", "export", volume])
        #expect(label.stdout.contains("LABEL=CIDATA\n"), "\(label)")
        #expect(label.stdout.contains("TYPE=vfat\n"), "\(label)")
    }

    @Test func aLargeVolumeIsOneOfFAT12Still() async throws {
        let folder = try TemporaryDirectory()
        let large = contents(FATVolume.mostClusters * 512 - 512, 5)
        let files = [(name: "user-data", contents: large), (name: "b", contents: [UInt8(1)])]
        let volume = try folder.write(FATVolume(label: "CIDATA", files: files).bytes(), to: "volume")
        let check = try await BuiltProgram.runAny("fsck.vfat", ["-n", "-v", volume])
        #expect(check.status == 0, "\(check.stdout)")
        #expect(try await BuiltProgram.runAny("mcopy", ["-i", volume, "::user-data", folder.path("copy")]).status == 0)
        #expect(try FileContents.read(folder.path("copy"), limit: 4 << 20) == large)
    }
}
