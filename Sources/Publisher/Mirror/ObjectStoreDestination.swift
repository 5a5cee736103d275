import ObjectStore

/// A copy of a tree in a bucket of an object store.
struct ObjectStoreDestination: MirrorDestination {
    let name: String
    private let store: ObjectStore
    /// A canned access list for every object, such as `public-read`; nil leaves it to the bucket's policy.
    private let accessList: String?

    init(_ store: ObjectStore, accessList: String?) {
        self.store = store
        self.accessList = accessList
        name = "s3://\(store.location.bucket)/\(store.location.prefix)"
    }

    func paths(below folder: String) async throws -> [String] { Array(try await list(folder).keys) }

    func remove(_ path: String) async throws { try await wrapped { try await store.delete(path) } }

    /// One list instead of a question for every file: a thousand names an answer.
    func sizes(of paths: [String], below folder: String) async throws -> [String: Int] {
        paths.isEmpty ? [:] : try await list(folder)
    }

    private func list(_ folder: String) async throws -> [String: Int] {
        // Blocks are many: a list for every first digit, at the same time.
        let parts = folder == "blocks/" ? ".0123456789abcdef".map { "\(folder)\($0)" } : [folder]
        return try await wrapped {
            try await withThrowingTaskGroup(of: [String: Int].self) { group in
                for part in parts { group.addTask { try await store.list(part) } }
                return try await group.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
            }
        }
    }

    func read(_ path: String, limit: Int) async throws -> [UInt8]? {
        try await wrapped { try await store.get(path, limit: limit) }
    }

    func write(_ bytes: [UInt8], to path: String) async throws {
        var fields = [
            "Cache-Control": CachePolicy.cacheControl(of: path), "Content-Type": CachePolicy.contentType(of: path),
        ]
        if let accessList { fields["x-amz-acl"] = accessList }
        try await wrapped { try await store.put(bytes, to: path, fields: fields) }
    }

    func close() {}

    private func wrapped<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch let error as ObjectStoreError { throw MirrorError.objectStore(error) }
    }
}

/// How long what a mirror publishes may be kept by browsers, proxies and content delivery networks.
enum CachePolicy {
    /// Names that hold a digest or a version never change what they mean.
    static let immutable = "public, max-age=31536000, immutable"
    /// Tells what is new: at most a minute old, so that a content delivery network asks the store once a minute and location.
    static let short = "public, max-age=60"

    static func cacheControl(of path: String) -> String {
        [TreePath.timestamp, TreePage.name].contains(path) ? short : immutable
    }

    static func contentType(of path: String) -> String {
        if path == TreePage.name { return "text/html; charset=utf-8" }
        return path.hasSuffix(".json") ? "application/json" : "application/octet-stream"
    }
}
