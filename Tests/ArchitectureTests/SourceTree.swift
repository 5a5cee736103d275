import Foundation

/// The package's own sources, read as text.
struct SourceTree {
    /// One Swift file.
    struct File {
        let url: URL
        /// The module that it belongs to, such as `Linux` or `BlockStoreTests`: the folder's name.
        let module: String
        let text: String

        /// `Module/File.swift`: stays the same when a file moves between a module's folders.
        var name: String { "\(module)/\(url.lastPathComponent)" }

        /// What its import lines name.
        var imports: [String] {
            text.split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ").map(String.init)
                guard let position = words.firstIndex(of: "import"), position + 1 < words.count,
                    words[..<position].allSatisfy({
                        $0.hasPrefix("@") || ["package", "public", "internal", "private"].contains($0)
                    })
                else { return nil }
                return words[position + 1].split(separator: ".").first.map(String.init)
            }
        }
    }

    /// The package's folder, from this file's own path.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let sources = root.appending(path: "Sources")
    static let tests = root.appending(path: "Tests")

    /// All files of `Sources`.
    static func sourceFiles() throws -> [File] {
        try folders(in: sources).filter { $0.lastPathComponent != "Bindings" }.flatMap { try files(below: $0) }
            + folders(in: sources.appending(path: "Bindings")).flatMap { try files(below: $0) }
    }

    /// All files of `Tests`.
    static func testFiles() throws -> [File] { try folders(in: tests).flatMap { try files(below: $0) } }

    /// The files of one module.
    static func files(below folder: URL) throws -> [File] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }.sorted()
            .map {
                let url = folder.appending(path: $0)
                return File(
                    url: url, module: folder.lastPathComponent, text: try String(contentsOf: url, encoding: .utf8))
            }
    }

    private static func folders(in folder: URL) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map { folder.appending(path: $0) }
            .filter { (try? FileManager.default.contentsOfDirectory(atPath: $0.path)) != nil }
    }
}
