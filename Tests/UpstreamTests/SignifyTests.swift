import Formats
import Linux
import TestSupport
import Testing

@testable import Upstream

/// Signatures of minisign and signify, by the real programs.
@Suite struct SignifyTests {
    private let work: TemporaryDirectory
    private let verifier = SignatureVerifier()
    private let sums = Array("SHA256 (x.iso) = \(String(repeating: "ab", count: 32))\n".utf8)

    init() throws {
        work = try TemporaryDirectory()
        try AtomicFile.write(sums, to: work.path("sums"))
    }

    private func run(_ program: String, _ arguments: [String]) throws {
        let ended = try ChildProcess.run(program, arguments, within: .seconds(30))
        try #require(ended.ending == .exited(0), "\(ended.text)")
    }

    private func key(_ kind: VendorKey.Kind, _ name: String = "key") throws -> VendorKey {
        switch kind {
        case .minisign:
            try run("minisign", ["-G", "-W", "-f", "-p", work.path("\(name).pub"), "-s", work.path("\(name).sec")])
        default:
            try run("signify-openbsd", ["-G", "-n", "-p", work.path("\(name).pub"), "-s", work.path("\(name).sec")])
        }
        let lines = try FileContents.readText(work.path("\(name).pub"), limit: 1024).split(separator: "\n")
        return try #require(VendorKey(kind: kind, fingerprint: String(lines[1])))
    }

    private func verify(
        _ document: [UInt8], _ signature: [UInt8]?, _ kind: SignatureKind, _ keys: [VendorKey]
    ) async throws -> SignatureVerifier.Verified {
        let ring = KeyRing(folder: work.path("keys")) { _ in throw TestKeyError(text: "these keys are not fetched") }
        var kept: [KeptKey] = []
        for key in keys { kept.append(try await ring.kept(key)) }
        return try await verifier.verify(document, signature: signature, kind: kind, keys: kept)
    }

    private func contents(_ name: String) throws -> [UInt8] { try FileContents.read(work.path(name), limit: 65_536) }

    @Test(arguments: [[], ["-l"]])
    func minisignsSignaturesAreVerified(options: [String]) async throws {
        let (key, other) = (try key(.minisign), try key(.minisign, "other"))
        try run(
            "minisign",
            ["-S"] + options + [
                "-s", work.path("key.sec"), "-m", work.path("sums"), "-x", work.path("sig"), "-t",
                "timestamp:1700000000\tfile:sums",
            ])
        let signature = try contents("sig")
        let verified = try await verify(sums, signature, .minisign, [other, key])
        #expect(verified == .init(bytes: sums, signer: Signer(fingerprint: key.fingerprint, made: 1_700_000_000)))
        await #expect(throws: SignatureError.bad) { try await verify(sums + [10], signature, .minisign, [key]) }
        await #expect(throws: SignatureError.self) { try await verify(sums, signature, .minisign, [other]) }
        // The trusted comment is signed.
        let comment = String(decoding: signature, as: UTF8.self).replacing("1700000000", with: "1800000000")
        await #expect(throws: SignatureError.bad) { try await verify(sums, Array(comment.utf8), .minisign, [key]) }
    }

    @Test func signifysSignaturesAreVerified() async throws {
        let (key, other) = (try key(.signify), try key(.signify, "other"))
        try run("signify-openbsd", ["-S", "-s", work.path("key.sec"), "-m", work.path("sums"), "-x", work.path("sig")])
        let signature = try contents("sig")
        let verified = try await verify(sums, signature, .signify, [other, key])
        #expect(verified == .init(bytes: sums, signer: Signer(fingerprint: key.fingerprint)))
        await #expect(throws: SignatureError.bad) { try await verify(sums + [10], signature, .signify, [key]) }
        do {
            _ = try await verify(sums, signature, .signify, [other])
            Issue.record("another key's signature was accepted")
        } catch let error as SignatureError {
            guard case .unknownKey(_, let wanted) = error else { throw error }
            #expect(wanted == [other.fingerprint])
        }
    }

    @Test func ofAnEmbeddedSignatureTheTextIsGivenBack() async throws {
        let key = try key(.signify)
        try run(
            "signify-openbsd",
            ["-S", "-e", "-s", work.path("key.sec"), "-m", work.path("sums"), "-x", work.path("sig")])
        let signed = try contents("sig")
        let verified = try await verify(signed, nil, .signifyEmbedded, [key])
        #expect(verified.bytes == sums)
        await #expect(throws: SignatureError.bad) { try await verify(signed + sums, nil, .signifyEmbedded, [key]) }
        await #expect(throws: SignatureError.malformed("the file has no signature of that kind")) {
            try await verify(sums, nil, .signifyEmbedded, [key])
        }
    }

    @Test func whatIsNoKeyIsNotPinned() {
        #expect(VendorKey(kind: .minisign, fingerprint: "RWQ") == nil)
        #expect(VendorKey(kind: .signify, fingerprint: String(repeating: "A", count: 56)) == nil)
        #expect(VendorKey(kind: .openpgp, fingerprint: "6D66AB96", url: "https://h/k") == nil)
        #expect(VendorKey(kind: .openpgp, fingerprint: String(repeating: "A", count: 40)) == nil)
        let spaced = "0x52b5 9dfe c863 8264 979a  0b6a 92d5 267f 6d66 ab96"
        let key = VendorKey(kind: .openpgp, fingerprint: spaced, url: "https://h/k")
        #expect(key?.fingerprint == "52B59DFEC8638264979A0B6A92D5267F6D66AB96")
    }
}
