import Linux
import TestSupport
import Testing

@testable import GuestDomain

@Suite(.timeLimit(.minutes(1))) struct DiskFlatteningTests {
    private let folder: TemporaryDirectory
    private let image: String

    init() throws {
        folder = try TemporaryDirectory()
        image = try folder.write([UInt8](repeating: 7, count: 4 << 20), to: "image \"a\\b,c.raw")
    }

    private func layer(_ name: String, _ letter: UInt8, at offset: Int) throws -> String {
        let path = folder.path(name)
        try Overlay.create(at: path, backing: nil, size: 8 << 20)
        let done = try ChildProcess.run(
            "/usr/bin/qemu-io", ["-f", "qcow2", "-c", "write -q -P \(letter) \(offset) 65536", path])
        #expect(done.ending == .exited(0), "\(done.text)")
        return path
    }

    @Test func allLayersAndTheImageBecomeOneFile() throws {
        let layers = [try layer("top", 2, at: 1 << 20), try layer("below", 3, at: 5 << 20)]
        var shares: [Int] = []
        let out = folder.path("out")
        #expect(
            try DiskFlattening(layers: layers, image: image).write(to: out, stop: EventDescriptor()) {
                shares.append($0)
            })
        #expect(shares.last == 10_000 && shares == shares.sorted())
        // Of nobody else's, also while it is written; and nothing that is there is written over.
        #expect(try Paths.status(out)?.permissions == 0o600)
        #expect(throws: GuestDomainError.self) {
            try DiskFlattening(layers: layers, image: image).write(to: out, stop: EventDescriptor()) { _ in }
        }
        let raw = folder.path("raw")
        let done = try ChildProcess.run("/usr/bin/qemu-img", ["convert", "-O", "raw", out, raw])
        #expect(done.ending == .exited(0), "\(done.text)")
        let bytes = try folder.bytes("raw")
        #expect(bytes.count == 8 << 20)
        #expect([0, 1 << 20, 4 << 20, 5 << 20].map { bytes[$0] } == [7, 2, 0, 3])
    }

    @Test func oneThatIsStoppedSaysSo() throws {
        let stop = try EventDescriptor()
        stop.signal()
        let layers = [try layer("top", 2, at: 0)]
        #expect(try !DiskFlattening(layers: layers, image: image).write(to: folder.path("out"), stop: stop) { _ in })
    }

    @Test func anImageThatCannotBeReadIsSaidInWords() throws {
        let layers = [try layer("top", 2, at: 0)]
        do {
            _ = try DiskFlattening(layers: layers, image: folder.path("gone"))
                .write(to: folder.path("out"), stop: EventDescriptor()) { _ in }
            Issue.record("it was written")
        } catch {
            guard case GuestDomainError.overlayFailed(let reason) = error else { throw error }
            #expect(reason.contains("gone"))
        }
    }

    @Test func whatQemuImgWritesAsItGoesOnIsUnderstood() {
        func share(_ text: String) -> Int? { DiskFlattening.share(of: Array(text.utf8)) }
        #expect(share("    (0.00/100%)\r    (12.34/100%)\r") == 1234)
        #expect(share("    (100.00/100%)\r\n") == 10_000)
        for text in [
            "", "(", "(x/100%)", "(1/100%)", "(101.00/100%)", "(-1.00/100%)", "(99999999999999999999.00/100%)",
        ] {
            #expect(share(text) == nil, "\(text)")
        }
    }
}
