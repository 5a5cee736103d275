import ContentAddress
import Curl
import Glibc
import Linux

/// Fetches images, their digest lists and pages of folders for a publisher. All calls block.
package final class Downloads: Sendable {
    private let queue = TransferQueue(
        maximumInFlight: 2,
        options: TransferOptions(stallSeconds: 60, connectSeconds: 30, userAgent: "oscircular-publish"))
    private let cancellation: Cancellation

    /// Bytes of the largest image that is fetched.
    private static let largestImage = 1 << 40
    private static let attempts = 3

    package init(cancellation: Cancellation = Cancellation()) { self.cancellation = cancellation }

    deinit { queue.close() }

    /// Whether an image's name is a URL and not a path.
    package static func isURL(_ image: String) -> Bool {
        ["http://", "https://", "file://"].contains { image.lowercased().hasPrefix($0) }
    }

    /// A small text.
    /// - Throws: ``PublisherError/download(_:)``.
    package func text(_ url: String, limit: Int) throws(PublisherError) -> String {
        String(decoding: try transfer(TransferRequest(url: url, maximumBytes: limit)).body.bytes, as: UTF8.self)
    }

    /// An image as a new file, compared with its digest where one is asked for.
    /// - Throws: ``PublisherError``; the file may be there in part then, its owner removes it.
    func image(
        _ url: String, to path: String, digests: DigestListChoice, progress: PublishProgress
    ) throws(PublisherError) {
        // First, so that nothing is fetched in vain.
        let digest = try digest(of: url, digests)
        progress.begin(.download, total: 0)
        for attempt in 1... {
            let handle: FileHandle
            do {
                handle = try FileHandle(path: path, flags: O_RDWR | O_CREAT | O_TRUNC, mode: 0o600)
            } catch {
                throw .unwritable(error)
            }
            let file = TransferFile(handle) { bytes, expected in
                if let expected { progress.begin(.download, total: UInt64(expected)) }
                progress.add(UInt64(bytes))
            }
            do throws(PublisherError) {
                _ = try transfer(TransferRequest(url: url, maximumBytes: Downloads.largestImage, file: file))
                if let digest { try compare(handle, with: digest, url) }
                return
            } catch {
                if let failure = file.failure {
                    throw .unwritable(SystemCallError(code: failure.code, call: failure.call, subject: path))
                }
                guard case .download(let cause) = error, cause.isTransient, attempt < Downloads.attempts else {
                    throw error
                }
                usleep(UInt32(500_000 * attempt))
            }
        }
    }

    private func digest(of url: String, _ choice: DigestListChoice) throws(PublisherError) -> String? {
        if choice == .unchecked { return nil }
        let name = url.split(separator: "/").last.map { String($0.prefix { $0 != "?" && $0 != "#" }) } ?? ""
        var found: [String] = []
        for candidate in choice.candidates(for: url) {
            let text: String
            do throws(PublisherError) {
                text = try self.text(candidate.url, limit: DigestList.longest)
            } catch {
                if case .download(.notFound) = error, choice == .beside { continue }
                throw error
            }
            found.append(candidate.url)
            if let digest = DigestList(text).digest(of: name, isOwn: candidate.isOwn) { return digest }
        }
        let shown = URLText.withoutCredentials(url)
        throw .digest(
            url: shown,
            reason: found.isEmpty
                ? "no SHA256SUMS or SHA512SUMS lies beside it"
                : "\(found.map(URLText.withoutCredentials).joined(separator: ", ")) does not list \(name)")
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
            throw .digest(
                url: URLText.withoutCredentials(url), reason: "its digest is \(checksum.hex), the list says \(digest)")
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
