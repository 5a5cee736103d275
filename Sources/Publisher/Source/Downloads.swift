import ContentAddress
import Curl
import Linux
import Upstream

/// Fetches images, their digest lists and pages of folders for a publisher. All calls block.
package final class Downloads: Sendable {
    private let queue = TransferQueue(
        maximumInFlight: 2,
        options: TransferOptions(stallSeconds: 60, connectSeconds: 30, userAgent: "oscircular-publish"))
    private let cancellation: Cancellation
    private let retry: TransferRetry

    /// Bytes of the largest image that is fetched.
    private static let largestImage = 1 << 40

    /// - Parameter retry: how often anything is asked for that may come a little later.
    package init(cancellation: Cancellation = Cancellation(), retry: TransferRetry = .patient) {
        self.cancellation = cancellation
        self.retry = retry
    }

    deinit { queue.close() }

    /// A small text, and where it came from in the end.
    /// - Throws: ``PublisherError/download(_:)``.
    package func text(_ url: String, limit: Int) throws(PublisherError) -> (text: String, url: String) {
        let result = try transfer(TransferRequest(url: url, maximumBytes: limit, retry: retry))
        return (String(decoding: result.body.bytes, as: UTF8.self), result.effectiveURL)
    }

    /// A small file.
    /// - Throws: ``PublisherError/download(_:)``.
    func bytes(_ url: String, limit: Int) throws(PublisherError) -> [UInt8] {
        Array(try transfer(TransferRequest(url: url, maximumBytes: limit, retry: retry)).body.bytes)
    }

    /// An image as a new file, compared with its digest where one is asked for.
    /// - Throws: ``PublisherError``; the file may be there in part then, its owner removes it.
    func image(
        _ url: String, to path: String, digests: DigestListChoice, signed: SignedDigests? = nil,
        progress: PublishProgress
    ) throws(PublisherError) {
        progress.begin(.download, total: 0)
        // First, so that no image is fetched that could not be checked.
        let digest = try digest(of: url, digests, signed)
        let handle: FileHandle
        do {
            handle = try FileHandle(path, for: .both, [.create, .truncate], mode: 0o600)
        } catch {
            throw .unwritable(error)
        }
        let file = TransferFile(handle) { bytes, expected in
            if let expected { progress.begin(.download, total: UInt64(expected)) }
            progress.add(UInt64(bytes))
        }
        do throws(PublisherError) {
            _ = try transfer(
                TransferRequest(url: url, maximumBytes: Downloads.largestImage, file: file, retry: retry))
        } catch {
            guard let failure = file.failure else { throw error }
            throw .unwritable(SystemCallError(code: failure.code, call: failure.call, subject: path))
        }
        if let digest { try compare(handle, with: digest, url) }
    }

    private func digest(
        of url: String, _ choice: DigestListChoice, _ signed: SignedDigests?
    ) throws(PublisherError) -> String? {
        if choice == .unchecked { return nil }
        let path = URLText.withoutQuery(url)
        let paths = [path, URLText.decoded(path)].compactMap(\.self)
        let name = paths.last?.split(separator: "/").last.map(String.init) ?? path
        func failure(_ reason: String) -> PublisherError { .digest(url: URLText.public(url), reason: reason) }
        var found: [String] = []
        for candidate in choice.candidates(for: url) {
            let shown = URLText.public(candidate.url)
            let list: DigestList
            do throws(PublisherError) {
                var bytes = try self.bytes(candidate.url, limit: DigestList.longest)
                // Nothing of a list is used but what was signed.
                if let signed { bytes = try signed.verified(bytes, of: candidate.url, self) }
                list = DigestList(String(decoding: bytes, as: UTF8.self))
            } catch {
                guard choice == .beside, case .download(let cause) = error,
                    Downloads.isAbsence(cause, of: candidate.url)
                else {
                    throw error
                }
                continue
            }
            if list.isEmpty {
                // A page for what is not there.
                if choice == .beside { continue }
                throw failure("\(shown) is not a list of SHA-256 or SHA-512 digests")
            }
            switch list.finding(for: paths, isOwn: candidate.isOwn) {
            case .digest(let digest): return digest
            case .contradiction: throw failure("\(shown) lists \(name) twice, with different digests")
            case .nothing: if !found.contains(shown) { found.append(shown) }
            }
        }
        throw failure(
            found.isEmpty
                ? "no SHA256SUMS or SHA512SUMS lies beside it, nor \(name).sha256 or \(name).sha512"
                : "\(found.joined(separator: ", ")) \(found.count == 1 ? "does" : "do") not list \(name)")
    }

    /// Whether a server's answer means that there is no such list: a bucket that may not be listed says 403, others send a page of any
    /// length, or us elsewhere for ever. An answer that may be different a little later does not.
    private static func isAbsence(_ error: TransferError, of url: String) -> Bool {
        switch error {
        case .notFound, .tooLarge: true
        // A certificate that is not trusted is not an answer, unless it is another server's.
        case .unsupported(let place, _), .refused(let place, _): place != URLText.withoutCredentials(url)
        case .http: !error.isTransient
        case .connection, .cancelled: false
        }
    }

    private func compare(_ file: FileHandle, with digest: String, _ url: String) throws(PublisherError) {
        guard var checksum = FileChecksum(digits: digest.utf8.count) else { return }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
        defer { buffer.deallocate() }
        var offset = 0
        while true {
            try cancellation.check()
            let count: Int
            do { count = try file.read(into: buffer, at: offset) } catch { throw .unreadable(error) }
            if count == 0 { break }
            checksum.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += count
        }
        guard checksum.hex == digest else {
            throw .otherDigest(url: URLText.public(url), found: checksum.hex, listed: digest)
        }
    }

    private func transfer(_ request: TransferRequest) throws(PublisherError) -> TransferResult {
        let answer = Monitor<Result<TransferResult, TransferError>?>(nil)
        let ticket = queue.start(request) { result in answer.change { $0 = result } }
        while true {
            let soon = MonotonicClock.nanoseconds + 100_000_000
            if let result = answer.wait(until: { _ in soon }, { $0 }) {
                do { return try result.get() } catch { throw .download(error) }
            }
            if cancellation.signal != nil {
                queue.cancel(ticket)
                _ = answer.wait { $0 }
                try cancellation.check()
            }
        }
    }
}
