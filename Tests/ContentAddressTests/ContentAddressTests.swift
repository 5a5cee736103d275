import ContentAddress
import Testing

@Suite struct ContentAddressTests {
    /// FIPS 180-4's examples, and the digest of nothing.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func sha256OfKnownInputs(input: String, digest: String) {
        #expect(id(input, .sha256).hex == digest)
    }

    @Test(arguments: [
        ("", "c672b8d1ef56ed28ab87c3622c5114069bdd3ad7b8f9737498d0c01ecef0967a"),
        ("abc", "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23"),
        (
            "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
                + "nopqrstu", "3928e184fb8690f840da3988121d31be65cb9d3ef83ee6146feac861e19b563a"
        ),
    ])
    func sha512Cut256OfKnownInputs(input: String, digest: String) {
        #expect(id(input, .sha512_256).hex == digest)
    }

    @Test func hexadecimalDigitsGoThereAndBack() {
        let id = id("abc", .sha256)
        #expect(BlockID(hex: id.hex) == id)
        #expect(BlockID(hex: id.hex.uppercased()) == id)
        #expect(BlockID(hex: String(repeating: "0", count: 64))?.hex == String(repeating: "0", count: 64))
    }

    @Test(arguments: [
        "", "ab", String(repeating: "a", count: 63), String(repeating: "a", count: 65),
        String(repeating: "g", count: 64),
        String(repeating: "é", count: 32), "0x" + String(repeating: "a", count: 62),
    ])
    func anythingElseIsNoBlockID(text: String) {
        #expect(BlockID(hex: text) == nil)
    }

    @Test func aBlockLiesWhereCasyncLooksForIt() {
        #expect(
            id("abc", .sha256).chunkStorePath
                == "ba78/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.cacnk")
    }

    @Test func aFileDigestOfPartsIsThatOfTheWhole() {
        var hasher = FileHasher()
        for part in ["a", "", "bc"] { Array(part.utf8).withUnsafeBytes { hasher.update($0) } }
        let digest = hasher.finalize()
        #expect(digest.description == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(FileDigest(digest.description) == digest)
        #expect(FileDigest("sha1:\(digest.id.hex)") == nil)
        #expect(FileDigest(digest.id.hex) == nil)
    }

    private func id(_ text: String, _ algorithm: DigestAlgorithm) -> BlockID {
        Array(text.utf8).withUnsafeBytes { algorithm.blockID(of: $0) }
    }
}
