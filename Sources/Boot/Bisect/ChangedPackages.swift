/// The packages that publishers' notes say were changed, by what was done to them.
///
/// Notes are free text. What is understood of them are parts of the form `upgraded: a, b (1.0 -> 1.1); new: c`, as our recipes write them; all else is
/// left to the reader.
package struct ChangedPackages: Sendable, Equatable, Encodable {
    package enum Change: String, Sendable, CaseIterable {
        case upgraded, downgraded, installed, removed
    }

    /// In the order of the notes, each once; a version in brackets stays.
    package private(set) var packages: [Change: [String]] = [:]

    package var isEmpty: Bool { packages.isEmpty }

    private static let words: [String: Change] = [
        "upgraded": .upgraded, "upgrade": .upgraded, "updated": .upgraded, "changed": .upgraded,
        "downgraded": .downgraded, "downgrade": .downgraded,
        "new": .installed, "install": .installed, "installed": .installed, "added": .installed,
        "remove": .removed, "removed": .removed,
    ]
    /// Packages that are taken from notes.
    private static let most = 10_000

    /// - Parameter notes: of one version after the other, the oldest first.
    package init(notes: [String]) {
        var seen: [Change: Set<String>] = [:]
        for part in notes.flatMap({ $0.split(whereSeparator: { $0 == ";" || $0 == "\n" }) }) {
            guard let colon = part.firstIndex(of: ":") else { continue }
            let word = part[..<colon].trimmed.lowercased()
            guard let change = ChangedPackages.words[word] else { continue }
            for item in part[part.index(after: colon)...].split(separator: ",").map(\.trimmed) {
                // A package's name is one word; what follows it is its version.
                guard ChangedPackages.isPackage(item), seen.values.reduce(0, { $0 + $1.count }) < ChangedPackages.most,
                    seen[change, default: []].insert(String(item)).inserted
                else { continue }
                packages[change, default: []].append(String(item))
            }
        }
    }

    private static func isPackage(_ item: Substring) -> Bool {
        let words = item.split(separator: " ", maxSplits: 1)
        guard let name = words.first, name.utf8.count <= 200, item.utf8.count <= 400 else { return false }
        return words.count == 1 || words[1].hasPrefix("(")
    }

    /// `upgraded openssl, tzdata; new: jq`, a line for each kind.
    package var lines: [String] {
        Change.allCases.compactMap { change in
            packages[change].map { "\(change.rawValue): \($0.joined(separator: ", "))" }
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (change, names) in packages { try container.encode(names, forKey: Key(stringValue: change.rawValue)) }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension Substring {
    /// Without spaces around it.
    fileprivate var trimmed: Substring {
        let text = drop { $0 == " " || $0 == "\t" }
        let end = text.lastIndex { $0 != " " && $0 != "\t" && $0 != "\r" }
        return end.map { text[...$0] } ?? ""
    }
}
