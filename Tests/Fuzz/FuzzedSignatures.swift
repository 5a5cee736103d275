import Upstream

/// What vendors' servers send before anything is verified: keys, signatures, clear-signed texts, torrents.
extension FuzzedParser {
    static func openPGP(_ bytes: [UInt8]) {
        for label in ["PGP PUBLIC KEY BLOCK", "PGP SIGNATURE"] {
            guard let binary = try? OpenPGPPackets.binary(bytes, label: label) else { continue }
            precondition(binary.count <= bytes.count)
            try? OpenPGPPackets.checkSignatures(binary)
            let fingerprint = String(repeating: "0", count: 40)
            let key = try? OpenPGPPackets.key(fingerprint, in: binary)
            precondition((key ?? nil) == nil, "no key has this fingerprint")
        }
    }

    static func clearSigned(_ bytes: [UInt8]) {
        guard let frame = try? ClearSigned.frame(bytes) else { return }
        precondition(frame.count <= bytes.count && frame.starts(with: "-----BEGIN PGP SIGNED MESSAGE-----".utf8))
        // What was cut out is cut out again as it is.
        guard let again = try? ClearSigned.frame(frame) else { preconditionFailure("the frame has no frame") }
        precondition(again == frame)
    }

    static func torrent(_ bytes: [UInt8]) {
        guard let torrent = try? Torrent(bytes) else { return }
        precondition(torrent.pieces.count == Int((torrent.length - 1) / UInt64(torrent.pieceLength)) + 1)
        precondition(!torrent.name.contains("/") && torrent.name != "..")
    }
}
