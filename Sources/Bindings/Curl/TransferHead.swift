import CCurl

/// What a server says of a body before it sends it.
package struct TransferHead: Sendable {
    /// The HTTP status, below 400; 200 for a file.
    package let status: Int
    /// Where the body comes from, after redirects.
    package let url: String
    /// Where a later request for that URL may lead: a redirect is nobody's signed word.
    package let reach: TransferReach
    /// Seconds between the request and the first byte of its answer.
    package let wait: Double
    /// Bytes of the body; nil where the server does not say.
    package let length: Int?
    /// `Content-Range`, as it came; nil also where there are several.
    package let contentRange: String?
    /// `Content-Encoding`
    package let contentEncoding: String?
    /// `ETag`
    package let entityTag: String?
    /// `Last-Modified`
    package let lastModified: String?

    /// Bytes of a field that is of use.
    private static let longest = 512

    /// Reads what libcurl has of the last answer. Call it before the handle is reset.
    init(_ easy: UnsafeMutableRawPointer, status: Int, url: String, reach: TransferReach, wait: Double) {
        self.status = status
        self.url = url
        self.reach = reach
        self.wait = wait
        var length: curl_off_t = -1
        osc_curl_get_offset(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length)
        self.length = length < 0 ? nil : Int(length)
        contentRange = TransferHead.field("Content-Range", easy)
        contentEncoding = TransferHead.field("Content-Encoding", easy)
        entityTag = TransferHead.field("ETag", easy)
        lastModified = TransferHead.field("Last-Modified", easy)
    }

    /// For tests of what is made of it.
    package init(
        status: Int, url: String, contentRange: String? = nil, contentEncoding: String? = nil, entityTag: String? = nil,
        lastModified: String? = nil, length: Int? = nil, reach: TransferReach = .written, wait: Double = 0
    ) {
        (self.status, self.url, self.reach, self.wait, self.length) = (status, url, reach, wait, length)
        (self.contentRange, self.contentEncoding) = (contentRange, contentEncoding)
        (self.entityTag, self.lastModified) = (entityTag, lastModified)
    }

    private static func field(_ name: String, _ easy: UnsafeMutableRawPointer) -> String? {
        var found: UnsafeMutablePointer<curl_header>?
        // -1: of the last answer, where there were redirects.
        guard curl_easy_header(easy, name, 0, UInt32(CURLH_HEADER), -1, &found) == CURLHE_OK, let found,
            found.pointee.amount == 1, let value = found.pointee.value
        else { return nil }
        let text = String(cString: value)
        return text.utf8.count <= longest ? text : nil
    }
}

/// Takes a body as it comes. Both are called on the queue's thread: they must be short.
package struct TransferSink: Sendable {
    /// Called before the first byte. Where it says no, nothing more is read, and the transfer ends well without a body.
    let begin: @Sendable (TransferHead) -> Bool
    let take: @Sendable (UnsafeRawBufferPointer) -> Void

    package init(
        begin: @escaping @Sendable (TransferHead) -> Bool, take: @escaping @Sendable (UnsafeRawBufferPointer) -> Void
    ) {
        self.begin = begin
        self.take = take
    }
}
