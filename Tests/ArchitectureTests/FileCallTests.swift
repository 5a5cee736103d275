import Foundation
import Testing

/// What deletes, keeps or signs makes its file calls through `Linux`, where tests can let each of them fail. This reads the sources and holds
/// that: no file of these paths calls the C library for it.
@Suite struct FileCallTests {
    /// Files of these modules, wherever in them, and whole modules or folders: prune, add, ingest, cache eviction, trust state, and the
    /// floor below them.
    static let covered: [String: [String]] = [
        "Linux": [
            "AtomicFile", "FileContents", "FileHandle", "FileSystemSpace", "Folder", "Folder+Paths", "Paths",
        ],
        "Publisher": [
            "Blocks/", "Mirror/", "OutputFolder", "Prune/", "ImageSource", "PreparedImage", "BlockCensus", "Tree/",
            "Verify/", "WorkFolder",
        ],
        "ImageIndex": ["/"], "TUF": ["/"],
        "BlockStore": ["Cache/"],
        "Catalog": [
            "CatalogLibrary", "CatalogLibrary+Indexes", "CatalogLibrary+Kept", "CatalogLibrary+Trust", "KnownFiles",
        ],
        "Boot": ["DepartedVersions"],
    ]

    /// The C library's functions about files.
    private static let functions: Set<String> = [
        "open", "openat", "creat", "close", "read", "pread", "readv", "preadv", "write", "pwrite", "writev", "lseek",
        "stat", "lstat", "fstat", "fstatat", "statvfs", "fstatvfs", "access", "faccessat", "mkdir", "mkdirat",
        "mkdtemp", "mkstemp", "opendir", "fdopendir", "readdir", "closedir", "rename", "renameat", "link", "linkat",
        "symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "remove", "truncate", "ftruncate", "fsync", "fdatasync",
        "flock", "fcntl", "chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "utime", "utimes", "utimensat",
        "futimens", "fopen", "fallocate", "posix_fallocate", "sendfile", "copy_file_range", "readlink", "realpath",
    ]

    /// Methods of their own types that have such names.
    private static let methods = [
        "Folder+Paths.swift": ["remove"], "Folder+WholeFiles.swift": ["rename", "remove"],
        "CatalogLibrary+Trust.swift": ["write"],
        "CatalogLibrary+Indexes.swift": ["write"],
    ]

    /// The files that an entry of ``covered`` means.
    private static func files(_ entry: String, of module: String, in all: [SourceTree.File]) -> [SourceTree.File] {
        all.filter { file in
            guard file.module == module else { return false }
            return entry.hasSuffix("/")
                ? entry == "/" || file.url.path.contains("/\(module)/\(entry)")
                : file.url.lastPathComponent == "\(entry).swift"
        }
    }

    /// The calls of a source, without comments, texts and declarations.
    private static func calls(in text: String) -> [String] {
        // What a file declares under such a name is its own.
        let own = Set(text.matches(of: /func (\w+)/).map { String($0.1) })
        return text.split(separator: "\n").flatMap { line -> [String] in
            let line = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
            let code = line.split(separator: "\"", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset.isMultiple(of: 2) }.map { String($0.element) }.joined(separator: "\"\"")
            // `stat()` without arguments is a structure.
            return code.matches(of: /(^|[^\w.])(Glibc\.)?(\w+)(?=\((?!\)))/).compactMap { match in
                let name = String(match.3)
                guard functions.contains(name), match.2 != nil || !own.contains(name) else { return nil }
                return name
            }
        }
    }

    @Test func noFileCallOfWhatDeletesKeepsOrSignsGoesAroundTheSeam() throws {
        let all = try SourceTree.sourceFiles()
        var count = 0
        for (module, entries) in Self.covered {
            for entry in entries {
                let files = Self.files(entry, of: module, in: all)
                count += files.count
                #expect(!files.isEmpty, "\(module) has no \(entry): write where its file calls are now")
                for file in files {
                    let methods = Self.methods[file.url.lastPathComponent] ?? []
                    let found = Self.calls(in: file.text).filter { !methods.contains($0) }
                    #expect(found == [], "\(file.name) calls the C library itself")
                }
            }
        }
        // A file that moves out of a covered folder takes its calls along.
        #expect(count > 105)
    }

    @Test func theSeamHasThemAll() throws {
        let seam = SourceTree.sources.appending(path: "Bindings/Linux/FileCalls.swift")
        let text = try String(contentsOf: seam, encoding: .utf8)
        #expect(Self.calls(in: text).count > 20)
        // Every call stands in one that asks first; `write` asks for itself.
        for line in text.split(separator: "\n") where !Self.calls(in: String(line)).isEmpty {
            let isAsked =
                [
                    "try call(", "return utimensat", "try open(\".\", in:", "try systemCall(\"write\")",
                    "readdir(stream)",
                ].contains {
                    line.contains($0)
                }
            let isFree = ["close(", "closedir(", "fdopendir(", "readlink("].contains { line.contains($0) }
            #expect(isAsked || isFree, "\(line)")
        }
    }
}
