import Glibc
import GuestDomain
import Linux
import TestSupport
import Testing

/// A partition table says which sectors it was made for.
@Suite struct DiskSectorsTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func image(_ size: Int, headers: [Int], isProtected: Bool = true) throws -> String {
        var bytes = [UInt8](repeating: 0, count: size)
        if isProtected {
            bytes[450] = 0xEE
            bytes[510] = 0x55
            bytes[511] = 0xAA
        }
        for offset in headers { bytes.replaceSubrange(offset..<(offset + 8), with: Array("EFI PART".utf8)) }
        return try directory.write(bytes, to: "image")
    }

    @Test func aTableInTheSecondSectorOf4096BytesIsSeen() throws {
        #expect(try DiskSectors.size(ofImage: image(8192, headers: [4096])) == 4096)
        #expect(try DiskSectors.size(ofImage: image(8192, headers: [512])) == 512)
        // The entries of a usual table may hold anything at that place.
        #expect(try DiskSectors.size(ofImage: image(8192, headers: [512, 4096])) == 512)
        #expect(try DiskSectors.size(ofImage: image(8192, headers: [])) == 512)
        #expect(try DiskSectors.size(ofImage: image(8192, headers: [4096], isProtected: false)) == 512)
        #expect(try DiskSectors.size(ofImage: image(520, headers: [])) == 512)
    }

    @Test(.enabled(if: ProgramPath.find("sfdisk") != nil, "SKIPPED: no sfdisk"))
    func aTableOfSfdiskIsSeen() throws {
        for size in [512, 4096] {
            let path = directory.path("disk\(size)")
            let file = try FileHandle(path: path, flags: O_RDWR | O_CREAT)
            try systemCall("ftruncate") { ftruncate(file.descriptor, 16 << 20) }
            let script = "printf 'label: gpt\\nstart=256, size=1024\\n' | sfdisk -q --sector-size \(size) '\(path)'"
            let child = try ChildProcess("sh", ["-c", script])
            let ending = child.wait()
            // An sfdisk before util-linux 2.38 knows no such option.
            if ending != .exited(0), size == 4096 { return }
            #expect(try DiskSectors.size(ofImage: path) == size)
        }
    }
}
