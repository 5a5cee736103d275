import Catalog
import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// What images come packed in: taken off, or refused by name, and never published as if it were the disk.
@Suite struct WrapperTests {
    private let folder: TemporaryDirectory
    private let image: [UInt8]

    init() throws {
        folder = try TemporaryDirectory()
        for name in ["in", "out"] { try Folder.make(folder.file(name)) }
        try PublisherFixtures.writeImage([.random(300_000, seed: 3), .zeros(224_288)], to: folder.file("in/d.raw"))
        image = try folder.bytes("in/d.raw")
    }

    private func shell(_ command: String) async throws {
        let made = try await BuiltProgram.runAny("sh", ["-c", "cd '\(folder.file("in"))' && \(command)"])
        try #require(made.status == 0, "\(command): \(made.stderr)")
    }

    private func has(_ program: String) -> Bool { BuiltProgram.isInstalled(program) }

    /// The raw bytes that come of a file; nothing is left beside the output.
    private func unpacked(_ name: String) throws(PublisherError) -> [UInt8] {
        let prepared: PreparedImage
        do throws(PublisherError) {
            prepared = try PreparedImage(
                folder.file("in/\(name)"), beside: folder.file("out/x.caibx"), options: try PublishOptions(),
                progress: PublishProgress(), cancellation: Cancellation())
        } catch {
            #expect(TemporaryDirectory.names(folder.file("out")).isEmpty)
            throw error
        }
        defer { prepared.remove() }
        #expect(TemporaryDirectory.names(folder.file("out")).count <= 1)
        return try ImageSource(path: prepared.path, size: prepared.size).bytes(at: 0, count: 4 << 20)
    }

    /// What it is refused as.
    private func refusal(_ name: String) -> String {
        do throws(PublisherError) {
            return "published: \(try unpacked(name).count) bytes"
        } catch {
            switch error {
            case .image(folder.file("in/\(name)"), .other(let what, _)): return what
            case .image(folder.file("in/\(name)"), let problem): return "\(problem)"
            case .programFailed(let program, _, let message): return "\(program): \(message)"
            default: return "\(error)"
            }
        }
    }

    @Test(
        arguments: [
            ("bzip2", "bzip2 -k d.raw"), ("xz", "xz --format=lzma -k -c d.raw > d.lzma"), ("lz4", "lz4 -q d.raw d.lz4"),
            ("lz4", "lz4 -l -q d.raw d.lz4"), ("zstd", "zstd -q --long=31 --stream-size=524288 < d.raw > d.zst"),
            ("zstd", "printf '\\120\\052\\115\\030\\004\\0\\0\\0abcd' > d.zst && zstd -q -c d.raw >> d.zst"),
            ("gzip", "xz -c d.raw | gzip > d.gz"), ("xz", "gzip -c d.raw | bzip2 | xz > d.xz"),
            ("gzip", "(gzip -c d.raw; gzip -c < /dev/null) > d.gz"), ("tar", "tar -cf d.tar d.raw"),
            ("tar", "touch x.txt && tar -czf d.tgz ./d.raw x.txt"), ("tar", "tar --format=v7 -cf d.tar d.raw"),
            (
                "qemu-img",
                "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized d.raw v.vmdk && touch v.ovf v.mf && tar -cf d.ova v.ovf v.mf v.vmdk"
            ),
            ("qemu-img", "qemu-img convert -f raw -O qcow2 d.raw q && gzip -c q > d.gz"),
            ("qemu-img", "qemu-img convert -f raw -O vdi d.raw d.vdi"),
            ("qemu-img", "qemu-img convert -f raw -O qcow d.raw d.qcow"),
            ("qemu-img", "qemu-img convert -f raw -O vpc d.raw d.vhd"),
            ("qemu-img", "qemu-img convert -f raw -O vhdx d.raw d.vhdx"),
            ("qemu-img", "qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat d.raw d.vmdk"),
            ("qemu-img", "qemu-img convert -f raw -O vpc -o subformat=fixed,force_size=on d.raw d.vhd"),
            ("qemu-img", "qemu-img convert -f raw -O vpc -o subformat=fixed d.raw f && gzip -c f > d.gz"),
        ])
    func theDiskIsTakenOut(program: String, command: String) async throws {
        guard has(program) else { return }
        try await shell(command)
        let name = try #require(
            TemporaryDirectory.names(folder.file("in"))
                .first { $0.hasPrefix("d.") && $0 != "d.raw" && $0 != "d-flat.vmdk" })
        let disk = try unpacked(name)
        // By cylinders and heads a VHD is a little longer.
        #expect(disk.prefix(image.count).elementsEqual(image))
        #expect(
            disk.count == image.count || disk.dropFirst(image.count).allSatisfy { $0 == 0 } && command.contains("vpc"))
    }

    @Test func aCompressedDiskIsTakenOut() async throws {
        guard has("qemu-img") else { return }
        let parts = "(yes | head -c 32M; head -c 1M /dev/urandom) > r"
        try await shell("\(parts) && qemu-img convert -c -f raw -O qcow2 r d.qcow2")
        #expect(try unpacked("d.qcow2").prefix(2) == [UInt8(ascii: "y"), 10])
    }

    @Test func aZipWithOneImageIsUnpacked() async throws {
        guard has("unzip") else { return }
        func zip(_ name: String, _ members: String) async throws {
            try await shell(
                "cp d.raw 'a [1]*.img' && python3 -c \"import zipfile; z=zipfile.ZipFile('\(name)','w',zipfile.ZIP_DEFLATED); [z.write('d.raw', m) for m in \(members)]\""
            )
        }
        try await zip("one.zip", "['x/a [1]*.img', '__MACOSX/x/._a [1]*.img', 'README']")
        #expect(try unpacked("one.zip") == image)
        // unzip says nothing, and that all is well, where a file system is full; a limit does the same to it.
        let limited = try await BuiltProgram.runAny(
            "sh",
            [
                "-c",
                "cd '\(folder.file("in"))' && ulimit -f 200 && '\(BuiltProgram.path("oscircular-publish"))' make one.zip x --store s",
            ])
        #expect(limited.status == 73, "\(limited.stderr)")
        try await zip("two.zip", "['a.img', 'b.qcow2.xz']")
        #expect(refusal("two.zip") == "a zip archive with 2 disk images in it")
        try await zip("none.zip", "['README', 'LICENSE']")
        #expect(refusal("none.zip") == "a zip archive with no disk images in it")
        try await shell("head -c 200000 one.zip > cut.zip")
        #expect(refusal("cut.zip").hasPrefix("unzip: "))
    }

    @Test(
        arguments: [
            ("7z\u{BC}\u{AF}\u{27}\u{1C}", "a 7-Zip archive"), ("Rar!\u{1A}\u{07}\u{01}\0", "a RAR archive"),
            ("PK\u{5}\u{6}", "a zip archive with nothing in it"),
            ("LUKS\u{BA}\u{BE}", "encrypted (LUKS)"), ("MSCF\0\0\0\0", "a Windows cabinet"),
            ("MSWIM\0\0\0", "a Windows image (wim)"),
            ("\u{89}LZO\0\r\n\u{1A}\n", "packed by lzop"),
            ("LZIP\u{1}", "packed by lzip"), ("\u{1F}\u{9D}\u{90}", "packed by compress"),
            ("\u{ED}\u{AB}\u{EE}\u{DB}", "an RPM package"),
            ("!<arch>\ndebian-binary", "a Debian package or another ar archive"), ("070701", "a cpio archive"),
            (" \r\n<!DOCTYPE HTML>", "a web page, not an image"),
            ("\u{EF}\u{BB}\u{BF}<html>", "a web page, not an image"),
            ("<?xml version='1.0'?><Envelope>", "an XML file, not an image"),
            (":\u{FF}&\u{ED}", "an Android sparse image"),
            ("KDMV\u{1}", "one part of a VMDK disk in several files"), ("conectix", "a damaged VHD image"),
            ("<<< QEMU VM Virtual Disk Image >>>\n", "a damaged VDI image"),
            ("vhdxfile", "a VHDX image that is cut off"),
        ])
    func whatIsNotUnpackedIsRefusedByName(beginning: String, name: String) throws {
        // Each character is a byte.
        let bytes = beginning.unicodeScalars.map { UInt8($0.value) } + [UInt8](repeating: 0, count: 4000)
        try AtomicFile.write(bytes, to: folder.file("in/x"))
        #expect(refusal("x") == name)
    }

    @Test func anAppleImageIsKnownByItsEnd() throws {
        try AtomicFile.write(
            image + Array("koly".utf8) + [UInt8](repeating: 0, count: 508), to: folder.file("in/x.dmg"))
        #expect(refusal("x.dmg") == "an Apple disk image (dmg)")
    }

    @Test func aVHDThatIsNotWholeOrNotAloneIsRefused() async throws {
        guard has("qemu-img") else { return }
        try await shell(
            "qemu-img convert -f raw -O vpc -o subformat=fixed,force_size=on d.raw f.vhd && tail -c 200000 f.vhd > cut.vhd"
        )
        #expect(refusal("cut.vhd") == "a VHD image that is cut off")
        try await shell(
            "qemu-img convert -f raw -O vpc d.raw d.vhd && printf '\\004' | dd of=d.vhd bs=1 seek=63 conv=notrunc 2>/dev/null"
        )
        #expect(refusal("d.vhd") == "a VHD image that only holds the differences to another")
        // The mark alone does not make a raw disk a VHD.
        try AtomicFile.write(
            image + Array("conectix".utf8) + [UInt8](repeating: 7, count: 504), to: folder.file("in/raw"))
        #expect(try unpacked("raw").count == image.count + 512)
    }

    @Test(arguments: [
        ("qcow2", 290_000), ("vmdk", 290_000), ("vdi", 900_000), ("qed", 290_000), ("parallels", 900_000),
    ])
    func aDiskThatIsCutOffIsRefusedWhereQEMUWouldReadZeros(format: String, missing: Int) async throws {
        guard has("qemu-img") else { return }
        try await shell("qemu-img convert -f raw -O \(format) d.raw g && truncate -s -\(missing) g")
        let refused = refusal("g")
        #expect(refused.hasSuffix("image that is cut off") || refused.hasPrefix("qemu-img: "), "\(refused)")
    }

    @Test(arguments: ["xz", "gzip", "zstd -q", "bzip2", "lz4 -q", "xz --format=lzma"])
    func whatIsDamagedOrEmptyIsRefused(program: String) async throws {
        guard has(String(program.prefix { $0 != " " })) else { return }
        try await shell(
            "\(program) -c < d.raw > p && head -c -50 p > cut && (cat p; echo garbage) > more && \(program) -c < /dev/null > none"
        )
        let name = program.prefix { $0 != " " }
        #expect(refusal("cut").hasPrefix("\(name): "), "\(refusal("cut"))")
        #expect(refusal("more").hasPrefix("\(name): "), "\(refusal("more"))")
        #expect(refusal("none") == "empty")
        // Two in a row are one, as the programs have it; the old .lzma cannot be two.
        try await shell("cat p p > two")
        if program != "xz --format=lzma" { #expect(try unpacked("two") == image + image) }
    }

    @Test func theFormOf2009TakesPackedImagesToo() async throws {
        guard has("gzip") else { return }
        try await shell("gzip -k d.raw")
        let publisher = LegacyPublisher()
        let index = folder.file("out/d.idx")
        let made = try publisher.publish(image: folder.file("in/d.raw.gz"), index: index, blockSize: 65_536)
        #expect(made.size == UInt64(image.count))
        #expect(Set(TemporaryDirectory.names(folder.file("out"))) == ["d.idx", "blockfile"])
    }

    @Test(arguments: ["lz4 -q -c d.raw > p", "qemu-img convert -f raw -O qcow2 d.raw p"])
    func aFileThatMayNotGrowIsNoFaultOfTheImage(command: String) async throws {
        guard has(String(command.prefix { $0 != " " })) else { return }
        try await shell(command)
        let program = BuiltProgram.path("oscircular-publish")
        let made = try await BuiltProgram.runAny(
            "sh",
            ["-c", "cd '\(folder.file("in"))' && ulimit -f 200 && '\(program)' make p ../out/x.caibx --store ../out/s"])
        #expect(made.status == 73, "\(made.stderr)")
        #expect(made.stderr.contains("File too large"), "\(made.stderr)")
        #expect(TemporaryDirectory.names(folder.file("out")) == ["s"])
    }

    /// Swift's strings hold no such names: another file would be looked for.
    @Test func anArgumentThatIsNotUTF8IsSaid() async throws {
        let program = BuiltProgram.path("oscircular-publish")
        let made = try await BuiltProgram.runAny(
            "sh", ["-c", "'\(program)' make \"$(printf 'd\\377.raw')\" x --store s"])
        #expect(made.status == 64)
        #expect(made.stderr.contains("is not UTF-8"), "\(made.stderr)")
    }

    @Test func aRawDiskStaysWhatItIs() throws {
        for beginning in [
            [0xEB, 0x63, 0x90], [0x33, 0xC0, 0x8E, 0xD0], [0x5D, 0, 0, 0x80, 0, 1], [0x50, 0x2A, 0x4D], [0x50, 0x4B],
        ] as [[UInt8]] {
            let disk = beginning + [UInt8](repeating: 0, count: 4096)
            try AtomicFile.write(disk, to: folder.file("in/x"))
            #expect(try unpacked("x") == disk)
        }
    }
}
