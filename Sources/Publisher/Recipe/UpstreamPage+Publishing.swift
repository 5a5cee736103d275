import Catalog
import Curl
import Upstream

extension UpstreamPage {
    /// Fetches the page.
    /// - Throws: ``PublisherError/download(_:)``.
    init(at url: String, _ downloads: Downloads) throws(PublisherError) {
        let page = try downloads.text(url, limit: UpstreamPage.longest)
        self.init(page.text, url: url, answeredAs: page.url)
    }

    /// Whether a version of a distribution came from that URL.
    ///
    /// The catalog has URLs without their queries, which may be what tells two images apart: then the image is fetched, and only
    /// published when it differs. Catalogs of older versions have the query.
    static func isPublished(_ url: String, in known: Distribution?) -> Bool {
        known?.versions.contains { $0.origin == whole(url) } ?? false
    }

    /// The version that came from that URL and was withdrawn.
    static func withdrawal(_ url: String, in known: Distribution?) -> WithdrawnVersion? {
        known?.withdrawn.first { $0.origin == whole(url) }
    }

    private static func whole(_ url: String) -> String {
        String(URLText.withoutCredentials(url).prefix { $0 != "#" })
    }
}
