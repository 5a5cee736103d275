import DiskImage
import Formats
import Testing

@Suite struct DiskInspectionTests {
    /// A prefix with some bytes in it.
    private func prefix(_ bytes: [UInt8], at offset: Int = 0, length: Int = 65_536) -> [UInt8] {
        var prefix = [UInt8](repeating: 0, count: length)
        prefix.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return prefix
    }

    @Test func aRawDiskIsAsLongAsItsFile() {
        let inspection = DiskInspection(prefix: prefix([0x55, 0xAA], at: 510), claimed: .raw, fileSize: 3 << 30)
        #expect(inspection.format == .raw && inspection.diskSize == 3 << 30 && inspection.refusal == nil)
    }

    @Test func anISOImageIsKnownByItsDescriptor() {
        let bytes = prefix(Array("CD001".utf8), at: 32_769)
        for claimed in [DiskFormat.iso, .raw] {
            let inspection = DiskInspection(prefix: bytes, claimed: claimed, fileSize: 1 << 30)
            #expect(inspection.format == .iso && inspection.refusal == nil)
        }
        #expect(DiskInspection(prefix: bytes, claimed: .qcow2).refusal != nil)
        let other = DiskInspection(prefix: prefix([]), claimed: .iso)
        #expect("\(String(describing: other.refusal))".contains("should be an ISO image"))
        // Too little to say.
        #expect(DiskInspection(prefix: [0, 0, 0], claimed: .iso).refusal == nil)
    }

    /// A disk that is another format's file would be taken for that by whoever guesses.
    @Test(
        arguments: [
            ([0x51, 0x46, 0x49, 0xFB, 0, 0, 0, 3], 0, "a qcow2 image"),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], 0, "an xz file"),
            (Array("KDMV".utf8), 0, "a VMDK image"), (Array("conectix".utf8), 0, "a VHD image"),
            (Array("vhdxfile".utf8), 0, "a VHDX image"), ([0x7F, 0x10, 0xDA, 0xBE], 64, "a VDI image"),
            ([0x1F, 0x8B, 8], 0, "a gzip file"), ([0x50, 0x4B, 3, 4], 0, "a zip file"),
            ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], 0, "a 7z file"), ([0x28, 0xB5, 0x2F, 0xFD], 0, "a zstd file"),
            (Array("\r\n<!DOCTYPE html>".utf8), 0, "a web page"), (Array("<html>".utf8), 0, "a web page"),
            ([0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE], 0, "an encrypted disk"),
        ] as [([UInt8], Int, String)])
    func whatIsSomethingElseIsRefused(_ bytes: [UInt8], _ offset: Int, _ what: String) {
        for claimed in [DiskFormat.raw, .iso] {
            let inspection = DiskInspection(prefix: prefix(bytes, at: offset), claimed: claimed)
            #expect("\(String(describing: inspection.refusal))".contains("and is \(what)"))
        }
    }

    /// A packed file is no disk yet: it must be packed as it should be.
    @Test func aPackedFileIsKnownByItsPacking() {
        let gzip = prefix([0x1F, 0x8B, 8])
        #expect(DiskInspection(prefix: gzip, claimed: .raw, packing: "gz").refusal == nil)
        let page = DiskInspection(prefix: prefix(Array("<html>".utf8)), claimed: .raw, packing: "gz")
        #expect("\(String(describing: page.refusal))".contains("packed as gz and is a web page"))
        #expect(DiskInspection(prefix: gzip, claimed: .raw, packing: "zip").refusal != nil)
    }

    @Test func nothingIsRefused() {
        for claimed in DiskFormat.allCases {
            #expect(DiskInspection(prefix: [], claimed: claimed).refusal != nil)
        }
    }

    /// The cutting of a header leaves nothing that is read past its end.
    @Test func everyPrefixOfAHeaderIsJudged() {
        let image = HostileQcow2Tests.image()
        for length in 0..<300 {
            let refusal = DiskInspection(prefix: Array(image.prefix(length)), claimed: .qcow2).refusal
            #expect((refusal == nil) == (length >= 112), "\(length)")
        }
        #expect(DiskInspection(prefix: image, claimed: .qcow2).diskSize == 10 << 30)
    }
}
