import Formats
import Linux
import TestSupport
import Testing

@testable import Upstream

/// Signatures of OpenPGP, by the real gpgv.
@Suite struct SignatureVerifierTests {
    private let keys: TestKeyHome
    private let verifier = SignatureVerifier()
    private let sums = Array("\(String(repeating: "ab", count: 32))  x.iso\n- dashed\n-----dashes\nlast  \n".utf8)

    init() throws { keys = try TestKeyHome.shared() }

    private func failure(
        _ document: [UInt8], _ signature: [UInt8]?, _ kind: SignatureKind = .openpgp, by pinned: VendorKey? = nil
    ) async throws -> SignatureError? {
        let kept = try keys.kept(pinned ?? keys.vendor)
        do throws(SignatureError) {
            _ = try await verifier.verify(document, signature: signature, kind: kind, keys: [kept])
            return nil
        } catch {
            return error
        }
    }

    @Test(arguments: [false, true])
    func aDetachedSignatureOfASubkeyVouchesForThePinnedPrimary(armoured: Bool) async throws {
        let signature = try keys.sign(sums, by: [keys.vendor], armoured: armoured)
        let verified = try await verifier.verify(
            sums, signature: signature, kind: .openpgp, keys: [keys.kept(keys.stranger), keys.kept(keys.vendor)])
        #expect(verified.bytes == sums)
        #expect(verified.signer.fingerprint == keys.vendor.fingerprint)
        #expect(abs(try #require(verified.signer.made) - Int64(WallClock.seconds)) < 3600)
        #expect(verified.signer.warning == nil)
    }

    @Test func otherBytesAreRefused() async throws {
        let signature = try keys.sign(sums, by: [keys.vendor])
        #expect(try await failure(sums + [0x0A], signature) == .bad)
        // The signature of another file of the same vendor.
        #expect(try await failure(Array("another file".utf8), signature) == .bad)
        #expect(try await failure(sums, nil) == .malformed("there is no signature"))
        #expect(try await failure(sums, Array("<!DOCTYPE html>\n".utf8))?.isPassing == false)
    }

    @Test func whoeverElseSignedIsUnknown() async throws {
        let signature = try keys.sign(sums, by: [keys.stranger])
        let failure = try await failure(sums, signature)
        #expect(failure == .unknownKey(found: keys.stranger.fingerprint, wanted: [keys.vendor.fingerprint]))
        // Also where a stranger's key has come into the ring.
        let mixed = KeptKey(key: keys.vendor, material: try keys.export())
        await #expect(
            throws: SignatureError.unknownKey(found: keys.stranger.fingerprint, wanted: [keys.vendor.fingerprint])
        ) {
            _ = try await verifier.verify(sums, signature: signature, kind: .openpgp, keys: [mixed])
        }
    }

    @Test func oneSignatureOfSeveralIsEnough() async throws {
        let good = try keys.sign(sums, by: [keys.vendor])
        let unknown = try keys.sign(sums, by: [keys.stranger])
        let bad = try keys.sign(Array("else".utf8), by: [keys.vendor])
        #expect(try await failure(sums, unknown + good) == nil)
        #expect(try await failure(sums, good + unknown) == nil)
        #expect(try await failure(sums, bad + unknown) == .bad)
        #expect(try await failure(sums, keys.sign(sums, by: [keys.stranger, keys.vendor], armoured: true)) == nil)
        let many = Array(repeating: unknown, count: 17).flatMap { $0 } + good
        #expect(try await failure(sums, many) == .malformed("the file has more than 16 signatures"))
    }

    @Test func aMessageInPlaceOfASignatureIsRefused() async throws {
        let message = try keys.sign(sums, by: [keys.vendor], "--sign")
        guard case .malformed = try await failure(Array("another file".utf8), message) else {
            Issue.record("the message was taken for a signature")
            return
        }
        // Also where the packets are plain: a one-pass signature, the text, the signature.
        let plain = try keys.sign(sums, by: [keys.vendor], "-sz0")
        #expect(
            try await failure(Array("another file".utf8), plain)
                == .malformed("the file has something else than detached signatures in it"))
    }

    @Test func anExpiredKeyVouchesForWhatItSignedBefore() async throws {
        let before = try keys.sign(sums, by: [keys.expired], at: "20200601T000000")
        let verified = try await verifier.verify(
            sums, signature: before, kind: .openpgp, keys: [keys.kept(keys.expired)])
        #expect(verified.signer.made == 1_590_969_600)
        #expect(verified.signer.warning == "The vendor's key expired on 2020-12-31; this was signed before.")
    }

    @Test func whatAnExpiredKeySignedAfterwardsIsRefused() async throws {
        // gpg does not sign with an expired key: the same key, as it was when it had no end, signs.
        let home = try TemporaryDirectory()
        func gpg(_ arguments: [String]) throws -> [UInt8] { try GnuPG.run(home.path, arguments) }
        _ = try gpg([
            "--faked-system-time", "20200101T000000!", "--quick-gen-key", "v@example.org", "ed25519", "default",
            "never",
        ])
        let listing = try gpg(["--with-colons", "--list-keys"])
        let line = try #require(TextLines(listing).first { $0.hasPrefix("fpr:") })
        let fingerprint = String(line.split(separator: ":", omittingEmptySubsequences: false)[9])
        try AtomicFile.write(sums, to: home.path("data"))
        let late = try gpg(["--faked-system-time", "20220601T000000!", "-o", "-", "--detach-sign", home.path("data")])
        _ = try gpg(["--faked-system-time", "20200102T000000!", "--quick-set-expire", fingerprint, "20210101T000000"])
        let key = try #require(VendorKey(kind: .openpgp, fingerprint: fingerprint, url: "https://h/k"))
        let kept = KeptKey(key: key, material: try gpg(["--export"]))
        await #expect(throws: SignatureError.expiredKey(fingerprint: fingerprint, expired: "2021-01-01")) {
            _ = try await verifier.verify(sums, signature: late, kind: .openpgp, keys: [kept])
        }
    }

    @Test func aRevokedKeyNeverVouches() async throws {
        let (key, signature) = try keys.revokedKey(signing: sums)
        await #expect(throws: SignatureError.revokedKey(fingerprint: key.key.fingerprint)) {
            _ = try await verifier.verify(sums, signature: signature, kind: .openpgp, keys: [key])
        }
    }

    @Test func aVerifierThatHangsIsEnded() async throws {
        let folder = try TemporaryDirectory()
        try AtomicFile.write("#!/bin/sh\nexec sleep 60\n", to: folder.path("gpgv"), mode: 0o755)
        let slow = SignatureVerifier(find: { folder.path($0) }, time: .milliseconds(300))
        let signature = try keys.sign(sums, by: [keys.vendor])
        let begun = MonotonicClock.nanoseconds
        await #expect(throws: SignatureError.verifierFailed(program: "gpgv", cause: "it did not end in time")) {
            _ = try await slow.verify(sums, signature: signature, kind: .openpgp, keys: [keys.kept(keys.vendor)])
        }
        #expect(MonotonicClock.nanoseconds - begun < 30_000_000_000)
    }

    @Test func aSignatureOfVersionThreeCounts() async throws {
        let key = try #require(VendorKey(kind: .openpgp, fingerprint: VersionThree.fingerprint, url: "https://h/k"))
        let kept = KeptKey(key: key, material: try #require(Base64.bytes(VersionThree.key)))
        let document = Array(VersionThree.document.utf8)
        let signature = try #require(Base64.bytes(VersionThree.signature))
        let verified = try await verifier.verify(document, signature: signature, kind: .openpgp, keys: [kept])
        #expect(verified.signer.fingerprint == VersionThree.fingerprint)
        await #expect(throws: SignatureError.bad) {
            _ = try await verifier.verify(document + [0x0A], signature: signature, kind: .openpgp, keys: [kept])
        }
    }

    @Test func aLargeFileIsVerifiedAsItComes() async throws {
        let pieces = (0..<40).map { [UInt8](repeating: UInt8($0), count: 100_003) }
        let signature = try keys.sign(pieces.flatMap { $0 }, by: [keys.vendor])
        let kept = try keys.kept(keys.vendor)
        /// - Parameter changed: a piece with one other byte.
        func signer(changed: Int? = nil) async throws -> Signer {
            let next = Monitor(0)
            return try await verifier.verify(size: 4_000_120, signature: signature, keys: [kept]) {
                let index = next.change { value in
                    value += 1
                    return value - 1
                }
                guard index < pieces.count else { return nil }
                var piece = pieces[index]
                if index == changed { piece[50_000] ^= 1 }
                return piece
            }
        }
        #expect(try await signer().fingerprint == keys.vendor.fingerprint)
        await #expect(throws: SignatureError.bad) { try await signer(changed: 39) }
        // A reader that fails ends the verifier, too.
        await #expect(throws: SignatureError.self) {
            _ = try await verifier.verify(size: 1, signature: signature, keys: [kept]) {
                throw TestKeyError(text: "read")
            }
        }
    }

    @Test func withoutAVerifierThePackageIsNamed() async throws {
        let none = SignatureVerifier(find: { _ in nil })
        let kept = try keys.kept(keys.vendor)
        for (kind, package) in [(SignatureKind.openpgp, "gpgv"), (.openpgpClear, "gpgv")] {
            await #expect(throws: SignatureError.noVerifier(package: package)) {
                _ = try await none.verify(sums, signature: keys.sign(sums, by: [keys.vendor]), kind: kind, keys: [kept])
            }
        }
        let packages = SignatureKind.allCases.map { none.missingPackage(for: $0) }
        #expect(packages == ["gpgv", "gpgv", "minisign", "signify-openbsd", "signify-openbsd"])
        // sqv reads no file piece by piece.
        let sequoia = SignatureVerifier(find: { $0 == "sqv" ? "/usr/bin/sqv" : nil })
        #expect(sequoia.missingPackage(for: .openpgp) == nil)
        #expect(sequoia.missingPackage(for: .openpgp, isLarge: true) == "gpgv")
        #expect(SignatureError.noVerifier(package: "gpgv").description.contains("install the package gpgv"))
    }

    @Test(.enabled(if: ProgramPath.find("sqv") != nil))
    func sqvServesWhereThereIsNoGpgv() async throws {
        let sequoia = SignatureVerifier(find: { $0 == "sqv" ? ProgramPath.find($0) : nil })
        let kept = try keys.kept(keys.vendor)
        let good = try keys.sign(sums, by: [keys.vendor])
        let verified = try await sequoia.verify(sums, signature: good, kind: .openpgp, keys: [kept])
        #expect(verified.signer.fingerprint == keys.vendor.fingerprint)
        await #expect(throws: SignatureError.bad) {
            _ = try await sequoia.verify(sums + [1], signature: good, kind: .openpgp, keys: [kept])
        }
        let unknown = try keys.sign(sums, by: [keys.stranger])
        await #expect(
            throws: SignatureError.unknownKey(found: keys.stranger.fingerprint, wanted: [keys.vendor.fingerprint])
        ) {
            _ = try await sequoia.verify(sums, signature: unknown, kind: .openpgp, keys: [kept])
        }
    }

    @Test func ofAClearSignedFileOnlyTheTextInsideIsUsed() async throws {
        let signed = try keys.sign(sums, by: [keys.vendor], "--clearsign")
        let around =
            Array("evil  before\n".utf8) + signed + Array("\(String(repeating: "cd", count: 32))  x.iso\n".utf8)
        for document in [
            signed, around, Array(String(decoding: signed, as: UTF8.self).replacing("\n", with: "\r\n").utf8),
        ] {
            let verified = try await verifier.verify(
                document, signature: nil, kind: .openpgpClear, keys: [keys.kept(keys.vendor)])
            // Spaces at the ends of lines are not signed.
            let text = String(decoding: verified.bytes, as: UTF8.self).replacing("\r\n", with: "\n")
            #expect(text == "\(String(repeating: "ab", count: 32))  x.iso\n- dashed\n-----dashes\nlast\n")
            #expect(verified.signer.fingerprint == keys.vendor.fingerprint)
        }
        let changed = String(decoding: signed, as: UTF8.self).replacing("x.iso", with: "y.iso")
        #expect(try await failure(Array(changed.utf8), nil, .openpgpClear) == .bad)
        #expect(try await failure(signed + signed, nil, .openpgpClear) == .malformed("the file has two signed texts"))
        let nested = Array("-----BEGIN PGP SIGNED MESSAGE-----\n\nevil\n".utf8) + signed
        #expect(try await failure(nested, nil, .openpgpClear) == .malformed("the file has two signed texts"))
        #expect(try await failure(Array(signed.dropLast(40)), nil, .openpgpClear)?.isPassing == false)
        #expect(try await failure(sums, nil, .openpgpClear)?.isPassing == false)
    }
}

/// A key of RSA, and a signature in the packet format of before 1998, which GnuPG no longer makes: openSUSE's are such.
private enum VersionThree {
    static let fingerprint = "0D2B5ADE39BA7A75BA211E1C1AFBCDE12C89D5BC"
    static let document = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  Leap.qcow2\n"
    static let key = """
        mQENBGsNoh8BCACmf7mg3T/JMeYm9L4ExO0OlzGpqMQvhPanTHDd/5ZT3U1FmtkEzGlqL33Mc+bXMCsfUeItqn1ngUOa/HnTlGaoDI0eFf7TZ+
        Opf7vJ9kBzB40krHs0CEu3HBrp2Qa0U7G3dGV9KgvoZn32NaFt5Mzqd83myRJW2zpXUhO40ev/57qcfqiMCdtS4wFSxQCVRjd1p5AZIwNk61CR
        hL3u4UWMW5vPjJ9qlo+Qe0rzL6626ViGRx6hGk3AIDkwgB2sosg0bO6RWSzw2+BuFi7MeLgKeyL/GflOg4T2EJib91w9aCV1itxXk7dytsYGYb
        tbGPTctaBaF1Ab7LTed/t/gg0TABEBAAG0HE9sZCBWZW5kb3IgPG9sZEBleGFtcGxlLm9yZz6JAU4EEwEKADgWIQQNK1reObp6dbohHhwa+83h
        LInVvAUCaw2iHwIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRAa+83hLInVvApzB/9JT+GIH7ayIuzhQCUNQ+KtoAWlpN+2NXhki930sP
        f4HTV2DaCFmokVq5nl4lTTKRjywUYO3B6uEd5y1DRSe2Xxa0V5aETYztmseQlVOA6dGt4r0jlrV9FWBzY5i7l2jBLYqNzdsvPjLMG/mHYhLBOl
        Pl6zlZjSs9SOjRun8imt/zvG8zzvcNcUyeZsgXGVon1ZU75SjH/g9U+s9EHfvXvwMHR6viuPGwhRrar/iMeBL0fVrPWZ98wzjxgTo5BYWtrisV
        mdHGNand/bvhB9LEu30AA1XqmstTaMWGvKmPVlOpFHceifRF8JrkSvOzVXNKINYsXuaCCwbt5ARiuWJQyc
        """.filter { $0 != "\n" }
    static let signature = """
        iQEVAwUAaw2iIRr7zeEsidW8AQg6pAf/VI0qAcbB4wWS3ENsVL06GkDTfT12zI8pdn6bE0v4jYFSnbYZQ4OQ74B9BPjRTYxOJaV4y7CW4KuzXP
        IHMC0CMn+/EUdlf72mHNuukVMsDkI/hgFu6plJPKjqFAzzRxE68BrjE07mrW47MSYXK5J7hAa7jEKJOJ+iJzE0c5/i20Vjq5VcAI6dN56DEi70
        CIf9ewaKd6w6fxGEdBi7Vp/vcqv/aaYN419zcy06UYQ/0ecjKnaVsMC7R58DXqld9mWCyA5JiE3OZRjrdjihgtquBza9glIWbZiBIM5Nxw+lDJ
        qn0cAwDgaSvORlnbl5/c/PFW9WpyBgv0OKi4gejP2Exg==
        """.filter { $0 != "\n" }
}
