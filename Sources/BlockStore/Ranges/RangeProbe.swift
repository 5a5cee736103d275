import Curl

/// Asks a place for the beginning of a file, by which all that has to be pinned of it becomes known.
package enum RangeProbe {
    /// Bytes that are asked for: two pieces. The first holds what says how a disk lies in the file, and the second begins with it, too.
    package static let length = 524_288

    package struct Answer: Sendable {
        /// The place, and where it leads to.
        package let place: RangedPlace
        /// Bytes of the whole file.
        package let size: UInt64
        /// The file's first bytes: the first pieces need not be asked for again.
        package let head: [UInt8]
    }

    /// One request, redirects apart.
    /// - Parameters:
    ///   - size: bytes of the whole file; nil when nobody knows.
    ///   - isVerified: whether every byte is verified by a digest that somebody has signed. Otherwise a redirect from https to http is
    ///     refused.
    /// - Throws: ``RangeFault``, `TransferError`.
    package static func ask(
        _ place: TransferPlace, size: UInt64?, isVerified: Bool, transfers: TransferQueue
    ) async throws -> Answer {
        let end = min(UInt64(length), size ?? UInt64(length))
        guard end > 0 else { throw RangeFault.wrongAnswer(reason: "the file has no bytes") }
        if let path = URLText.path(ofFile: place.url) {
            let (whole, head) = try await FilePieceStore.head(of: path, count: Int(end))
            if let size, whole != size { throw RangeFault.changed(what: "it has \(whole) bytes, not \(size)") }
            return Answer(
                place: RangedPlace(place, pinned: PinnedURL(url: place.url, reach: place.reach)), size: whole,
                head: head)
        }
        var request = TransferRequest(
            url: place.url, maximumBytes: Int(end), retry: .prompt, reach: place.reach,
            seconds: TransferRequest.usualSeconds(Int(end)))
        request.range = 0..<end
        request.followsToPlainHTTP = isVerified
        let result = try await transfers.send(request)
        guard let head = result.head else { throw RangeFault.noRanges }
        let whole = try RangeAnswer(asked: 0..<end, size: size).size(head)
        let bytes = result.body.bytes
        guard bytes.count == Int(min(end, whole)) else {
            throw RangeFault.wrongAnswer(reason: "it ends before what was asked for")
        }
        return Answer(place: RangedPlace(place, pinned: PinnedURL(head)), size: whole, head: bytes)
    }
}

/// Why a place gives no part of a file although it answers.
package enum RangeFault: Error, Sendable, Hashable {
    /// It has the file no more: 404 or 410, also where it leads to now.
    case gone
    /// It sends whole files only.
    case noRanges
    /// The file has changed: another size, entity tag or time. `what` says which.
    case changed(what: String)
    /// It answers something else than what was asked for. `reason` is a phrase.
    case wrongAnswer(reason: String)
    /// It wants to be left alone for so many seconds.
    case busy(seconds: Int)
}

extension RangeFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .gone: "the file is no longer there"
        case .noRanges: "the server sends whole files only, no parts of them"
        case .changed(let what): "the file has changed since its reading began: \(what)"
        case .wrongAnswer(let reason): "the server's answer cannot be used: \(reason)"
        case .busy(let seconds): "the server wants to be asked again in \(seconds) seconds"
        }
    }
}
