import Catalog
import Curl
import Glibc
import Linux
import TestSupport
import Testing

@testable import Publisher

/// Images from elsewhere: compressed, from a URL, in other formats.
@Suite struct ImageOriginTests {
    private let folder: TemporaryDirectory

    init() throws {
        folder = try TemporaryDirectory()
        try PublisherFixtures.writeRandomImage(size: 2_097_152, seed: 6, to: folder.file("a.img"))
        for name in ["web", "out"] { try Folder.make(folder.file(name)) }
    }

    private func make(_ image: String, _ options: String...) async throws -> (status: Int32, stderr: String) {
        let made = try await BuiltProgram.run(
            "oscircular-publish",
            ["make", image, folder.file("out/b.caibx"), "--store", folder.file("b.castr")] + options)
        let left = TemporaryDirectory.names(folder.file("out")).filter { $0 != "b.caibx" }
        #expect(left.isEmpty, "\(left)")
        return (made.status, made.stderr)
    }

    /// The index of the plain image.
    private func plain() async throws -> [UInt8] {
        #expect(try await make(folder.file("a.img")).status == 0)
        let bytes = try folder.bytes("out/b.caibx")
        unlink(folder.file("out/b.caibx"))
        return bytes
    }

    private func pack(_ program: String, _ source: String, _ name: String) async throws {
        let packed = try await BuiltProgram.runAny(
            "sh", ["-c", "\(program) -c < '\(folder.file(source))' > '\(folder.file(name))'"])
        try #require(packed.status == 0, "\(packed.stderr)")
    }

    private func writeSums(_ program: String, _ list: String, of names: String...) async throws {
        let sums = try await BuiltProgram.runAny(
            "sh", ["-c", "cd '\(folder.file("web"))' && \(program) \(names.joined(separator: " ")) > \(list)"])
        try #require(sums.status == 0, "\(sums.stderr)")
    }

    @Test(arguments: [("xz", "xz"), ("zstd -q", "zst"), ("gzip", "gz")])
    func aCompressedImageIsUnpacked(program: String, suffix: String) async throws {
        let plain = try await plain()
        try await pack(program, "a.img", "a with space “ü”.img.\(suffix)")
        let made = try await make(folder.file("a with space “ü”.img.\(suffix)"))
        #expect(made.status == 0, "\(made.stderr)")
        #expect(try folder.bytes("out/b.caibx") == plain)
        // Half of it.
        truncate(folder.file("a with space “ü”.img.\(suffix)"), 100_000)
        unlink(folder.file("out/b.caibx"))
        let half = try await make(folder.file("a with space “ü”.img.\(suffix)"))
        #expect(half.status == 65, "\(half.stderr)")
        #expect(access(folder.file("out/b.caibx"), F_OK) != 0)
    }

    @Test(arguments: ["sha256sum", "sha512sum", "sha256sum --tag", "own"])
    func anImageFromAURLIsComparedWithItsList(program: String) async throws {
        let plain = try await plain()
        let converted = try await BuiltProgram.runAny(
            "qemu-img", ["convert", "-f", "raw", "-O", "qcow2", folder.file("a.img"), folder.file("a.qcow2")])
        try #require(converted.status == 0, "\(converted.stderr)")
        try await pack("xz", "a.qcow2", "web/a.qcow2.xz")
        switch program {
        case "own": try await writeSums("sha512sum", "a.qcow2.xz.sha512", of: "a.qcow2.xz")
        case "sha512sum": try await writeSums(program, "SHA512SUMS", of: "a.qcow2.xz")
        default: try await writeSums(program, "SHA256SUMS", of: "a.qcow2.xz")
        }
        let server = try FaultyHTTPServer(folder: folder.file("web"))
        defer { server.stop() }
        let made = try await make("\(server.url)a.qcow2.xz")
        #expect(made.status == 0, "\(made.stderr)")
        #expect(try folder.bytes("out/b.caibx") == plain)
    }

    @Test func whatTheListDoesNotVouchForIsRefused() async throws {
        _ = try await plain()
        try AtomicFile.write(try folder.bytes("a.img"), to: folder.file("web/a.img"))
        let server = try FaultyHTTPServer(folder: folder.file("web"))
        defer { server.stop() }
        let url = "\(server.url)a.img"
        let none = try await make(url)
        #expect(none.status == 65)
        #expect(none.stderr.contains("no SHA256SUMS or SHA512SUMS lies beside it"))
        #expect(!server.requests.contains("/a.img"))

        try AtomicFile.write(try folder.bytes("a.img"), to: folder.file("web/other.img"))
        try await writeSums("sha256sum", "SHA256SUMS", of: "other.img")
        let lacking = try await make(url)
        #expect(lacking.status == 65)
        #expect(lacking.stderr.contains("does not list a.img"))
        #expect(try await make(url, "--sums", "none").status == 0)
        #expect(try await make(url, "--sums", "NOWHERE").status == 66)

        try await writeSums("sha256sum", "LIST", of: "a.img")
        #expect(try await make(url, "--sums", "LIST").status == 0)
        server.always("/a.img", .wrongBytes)
        let wrong = try await make(url, "--sums", "LIST")
        #expect(wrong.status == 65)
        #expect(wrong.stderr.contains("its digest is") && !wrong.stderr.contains("--sums"), "\(wrong.stderr)")
    }

    @Test func aURLThatBreaksOffIsTriedAgainAndThenSaid() async throws {
        _ = try await plain()
        try AtomicFile.write(try folder.bytes("a.img"), to: folder.file("web/a.img"))
        try await writeSums("sha256sum", "SHA256SUMS", of: "a.img")
        let server = try FaultyHTTPServer(folder: folder.file("web"))
        defer { server.stop() }
        server.script("/a.img", .truncated(after: 300_000), .status(503))
        #expect(try await make("\(server.url)a.img").status == 0)
        server.always("/a.img", .status(404))
        #expect(try await make("\(server.url)a.img").status == 66)
    }

    /// Whoever makes the image would choose which files of this machine are published.
    @Test func anImageFromElsewhereThatNamesOtherFilesIsRefused() async throws {
        _ = try await plain()
        let made = try await BuiltProgram.runAny(
            "qemu-img", ["create", "-f", "qcow2", "-F", "raw", "-b", folder.file("a.img"), folder.file("web/a.qcow2")])
        try #require(made.status == 0, "\(made.stderr)")
        let server = try FaultyHTTPServer(folder: folder.file("web"))
        defer { server.stop() }
        let refused = try await make("\(server.url)a.qcow2", "--sums", "none")
        #expect(refused.status == 65)
        #expect(refused.stderr.contains("names other files"))
        // One's own may.
        #expect(try await make(folder.file("web/a.qcow2")).status == 0)
        let flat = try await BuiltProgram.runAny(
            "qemu-img",
            [
                "convert", "-f", "raw", "-O", "vmdk", "-o", "subformat=monolithicFlat", folder.file("a.img"),
                folder.file("web/a.vmdk"),
            ])
        try #require(flat.status == 0, "\(flat.stderr)")
        #expect(try await make("\(server.url)a.vmdk", "--sums", "none").status == 65)
    }
}
