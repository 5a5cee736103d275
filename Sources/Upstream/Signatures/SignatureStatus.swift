import Formats

/// What gpgv says on its status descriptor (GnuPG, doc/DETAILS), and what follows from it.
struct SignatureStatus {
    /// What was said of one signature.
    private struct Signature {
        var said: [String: [String]] = [:]
        /// KEYEXPIRED may come for a subkey and for its primary key.
        var expiries: [Int64] = []

        func has(_ word: String) -> Bool { said[word] != nil }
    }

    private var signatures: [Signature] = []

    init(_ output: [UInt8]) {
        for line in TextLines(output) where line.hasPrefix("[GNUPG:] ") {
            let words = line.dropFirst(9).split(separator: " ").map(String.init)
            guard let word = words.first else { continue }
            if word == "NEWSIG" { signatures.append(Signature()) }
            guard !signatures.isEmpty else { continue }
            let last = signatures.count - 1
            if word == "KEYEXPIRED" {
                if let expiry = words.dropFirst().first.flatMap({ Int64($0) }) {
                    signatures[last].expiries.append(expiry)
                }
            } else {
                signatures[last].said[word] = Array(words.dropFirst())
            }
        }
    }

    /// Whose signature vouches: one good one by a pinned key is enough, whatever stands beside it.
    /// - Parameter pinned: fingerprints of primary keys.
    /// - Throws: ``SignatureError``: of several, the one that says most.
    func signer(pinned: [String]) throws(SignatureError) -> Signer {
        var failures: [SignatureError] = []
        for signature in signatures {
            switch Self.judged(signature, pinned) {
            case .success(let signer): return signer
            case .failure(let failure): failures.append(failure)
            }
        }
        throw failures.min { Self.rank($0) < Self.rank($1) } ?? .malformed("the file has no signature")
    }

    private static func judged(_ signature: Signature, _ pinned: [String]) -> Result<Signer, SignatureError> {
        if signature.has("BADSIG") { return .failure(.bad) }
        if let error = signature.said["ERRSIG"], error.count >= 6 {
            switch error[5] {
            case "9": break
            case "4", "5": return .failure(.malformed("it is made in a way that gpgv does not know; a newer gpgv may"))
            default: return .failure(.malformed("gpgv cannot check it; is this machine's clock right?"))
            }
            let fingerprint = error.count > 6 && error[6] != "-" ? error[6] : error[0]
            return .failure(.unknownKey(found: fingerprint, wanted: pinned))
        }
        // VALIDSIG fingerprint day time expiry version reserved algorithm hash class primary
        guard let valid = signature.said["VALIDSIG"], valid.count >= 10, ["00", "01"].contains(valid[8]),
            let primary = valid.last, let made = Int64(valid[2])
        else { return .failure(.malformed("gpgv found no signature over the file")) }
        guard pinned.contains(primary) else { return .failure(.unknownKey(found: primary, wanted: pinned)) }
        if signature.has("REVKEYSIG") { return .failure(.revokedKey(fingerprint: primary)) }
        if signature.has("EXPSIG") {
            return .failure(.malformed("the signature itself was made for a time that is over"))
        }
        if signature.has("GOODSIG") { return .success(Signer(fingerprint: primary, made: made)) }
        guard signature.has("EXPKEYSIG") else { return .failure(.malformed("gpgv does not call the signature good")) }
        guard let expiry = signature.expiries.min() else {
            return .failure(.expiredKey(fingerprint: primary, expired: "a day that it does not say"))
        }
        let day = CivilDate(dayNumber: expiry / 86_400).description
        guard made <= expiry else { return .failure(.expiredKey(fingerprint: primary, expired: day)) }
        let warning = "The vendor's key expired on \(day); this was signed before."
        return .success(Signer(fingerprint: primary, made: made, warning: warning))
    }

    private static func rank(_ error: SignatureError) -> Int {
        switch error {
        case .bad: 0
        case .revokedKey: 1
        case .expiredKey: 2
        case .malformed: 3
        default: 4
        }
    }
}
