/// How long what a mirror publishes may be kept by browsers, proxies and content delivery networks.
enum CachePolicy {
    /// Names that hold a digest or a version never change what they mean.
    static let immutable = "public, max-age=31536000, immutable"
    /// Says what is new: a minute old at most, so that a network of caches asks the store once a minute and place.
    static let short = "public, max-age=60"

    static func cacheControl(of path: String) -> String { path == TreePath.timestamp ? short : immutable }

    static func contentType(of path: String) -> String {
        path.hasSuffix(".json") ? "application/json" : "application/octet-stream"
    }
}
