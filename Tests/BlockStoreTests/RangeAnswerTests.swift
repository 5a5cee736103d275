import Curl
import Testing

@testable import BlockStore

/// What is made of a server's answer, by its head alone.
@Suite struct RangeAnswerTests {
    private static let url = "https://a.example/disk.img"
    private let known = PinnedURL(
        url: RangeAnswerTests.url, reach: .written, entityTag: "\"x\"", lastModified: "Mon, 01 Sep 2026 00:00:00 GMT")

    private func fault(
        _ status: Int = 206, _ range: String? = "bytes 100-199/1000", tag: String? = "\"x\"", time: String? = nil,
        encoding: String? = nil, length: Int? = nil, url: String = RangeAnswerTests.url, size: UInt64? = 1000,
        known: PinnedURL?, asked: Range<UInt64> = 100..<200
    ) -> RangeFault? {
        let head = TransferHead(
            status: status, url: url, contentRange: range, contentEncoding: encoding, entityTag: tag,
            lastModified: time, length: length)
        do throws(RangeFault) {
            _ = try RangeAnswer(asked: asked, size: size, known: known).size(head)
            return nil
        } catch {
            return error
        }
    }

    private static func isWrong(_ fault: RangeFault?) -> Bool { if case .wrongAnswer = fault { true } else { false } }
    private static func isChanged(_ fault: RangeFault?) -> Bool { if case .changed = fault { true } else { false } }

    @Test func exactlyThePartThatWasAskedForIsTaken() {
        #expect(fault(known: known) == nil)
        #expect(fault(206, "Bytes 100-199/1000", known: nil) == nil)
        #expect(fault(encoding: "identity", known: nil) == nil)
    }

    @Test(arguments: [
        nil, "", "bytes", "bytes */1000", "bytes 0-99/1000", "bytes 100-198/1000", "bytes 100-200/1000",
        "bytes 99-199/1000", "bytes 100-199/*", "bytes 199-100/1000", "bytes 100-199/150", "bytes 100-199/1000/1",
        "bytes -100-199/1000", "bytes +100-199/1000", "bytes 100-99999999999999999999/1000", "items 100-199/1000",
        "bytes 100-199/1000 bytes 0-1/2",
    ])
    func everyOtherContentRangeIsRefused(_ text: String?) {
        #expect(Self.isWrong(fault(206, text, known: known)), "\(text ?? "none")")
    }

    @Test func anotherLengthOfTheWholeIsAnotherFile() {
        #expect(Self.isChanged(fault(206, "bytes 100-199/1001", known: nil)))
        #expect(Self.isChanged(fault(206, "bytes 100-199/999", known: known)))
    }

    @Test func aWholeFileIsNotTakenForAPart() {
        #expect(fault(200, nil, length: 1000, known: known) == .noRanges)
        #expect(fault(200, nil, tag: nil, length: 1000, known: nil) == .noRanges)
        #expect(fault(204, nil, known: nil) == .noRanges)
        // Because If-Range did not hold.
        #expect(Self.isChanged(fault(200, nil, tag: "\"y\"", length: 1000, known: known)))
        #expect(Self.isChanged(fault(200, nil, tag: nil, length: 999, known: known)))
    }

    @Test func tagsAreComparedWithThoseOfTheSameServerOnly() {
        #expect(Self.isChanged(fault(tag: "\"y\"", known: known)))
        #expect(fault(tag: "\"y\"", url: "https://b.example/disk.img", known: known) == nil)
        // A weak tag says nothing, and a broken one neither.
        #expect(fault(tag: "W/\"y\"", known: known) == nil)
        #expect(fault(tag: "y", known: known) == nil)
    }

    @Test func withoutATagTheTimeCounts() {
        let timed = PinnedURL(url: Self.url, reach: .written, lastModified: "Mon, 01 Sep 2026 00:00:00 GMT")
        #expect(fault(tag: nil, time: "Mon, 01 Sep 2026 00:00:00 GMT", known: timed) == nil)
        #expect(Self.isChanged(fault(tag: nil, time: "Tue, 02 Sep 2026 00:00:00 GMT", known: timed)))
        #expect(fault(tag: nil, time: nil, known: timed) == nil)
    }

    @Test func whatIsCompressedIsRefused() {
        #expect(Self.isWrong(fault(encoding: "gzip", known: nil)))
        #expect(Self.isWrong(fault(encoding: "\u{1b}[2J", known: nil)))
        if case .wrongAnswer(let reason) = fault(encoding: "\u{1b}[2J", known: nil) {
            #expect(!reason.utf8.contains(27))
        }
    }

    @Test func theFirstAnswerSaysHowLongTheFileIs() throws {
        let head = TransferHead(status: 206, url: Self.url, contentRange: "bytes 0-99/100")
        #expect(try RangeAnswer(asked: 0..<524_288, size: nil).size(head) == 100)
        let short = TransferHead(status: 206, url: Self.url, contentRange: "bytes 0-49/100")
        #expect(throws: RangeFault.self) { try RangeAnswer(asked: 0..<524_288, size: nil).size(short) }
    }

    @Test func aServerThatGaveOtherBytesIsNotBelievedAgain() {
        let head = TransferHead(status: 206, url: Self.url, contentRange: "bytes 100-199/1000")
        #expect(throws: RangeFault.self) {
            try RangeAnswer(asked: 100..<200, size: 1000, liars: ["a.example"]).size(head)
        }
    }
}
