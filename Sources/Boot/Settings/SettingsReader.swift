import Formats
import TOMLKit

/// Typed look-ups by dotted path.
struct SettingsReader {
    let table: TOMLTable
    let file: String
    /// What stands before the keys of ``table`` in the file; empty for the whole file.
    var prefix = ""

    private static let known: [String: Set<String>] = [
        "cache": ["directory", "limit"], "read": ["bound"], "network": ["requests", "mode"],
        "prefetch": ["quiet", "rest", "pack"], "exchange": ["after", "limit"],
        "guest": [
            "memory", "cpus", "accel", "display", "connect", "shutdown", "healthy", "reserve", "suspend", "user-data",
        ],
        "menu": ["pictures"],
        "warm": ["use", "published", "make"],
        "vendors": ["enabled", "least", "hidden", "from"],
    ]

    /// A misspelt setting is an error, not a silent default.
    func checkKeys() throws(BootError) {
        for section in table.keys where !Configuration.namedSections.contains(section) {
            guard let keys = SettingsReader.known[section], let inner = table[section]?.table else {
                throw .configuration(file: file, key: section, reason: "no such section")
            }
            for key in inner.keys where !keys.contains(key) {
                throw .configuration(file: file, key: "\(section).\(key)", reason: "no such setting")
            }
        }
    }

    /// The error for a value.
    func wrong(_ path: String, _ reason: String) -> BootError {
        .configuration(file: file, key: prefix.isEmpty ? path : "\(prefix).\(path)", reason: reason)
    }

    private func value(_ path: String) -> TOMLValueConvertible? {
        let parts = path.split(separator: ".").map(String.init)
        return parts.count == 1 ? table[path] : table[parts[0]]?.table?[parts[1]]
    }

    func string(_ path: String, among choices: [String]? = nil) throws(BootError) -> String? {
        guard let value = value(path) else { return nil }
        guard let text = value.string, choices?.contains(text) ?? true else {
            let wanted = choices.map { "one of \($0.joined(separator: ", "))" } ?? "a string"
            throw wrong(path, "must be \(wanted)")
        }
        return text
    }

    func boolean(_ path: String) throws(BootError) -> Bool? {
        guard let value = value(path) else { return nil }
        guard let isSet = value.bool else {
            throw wrong(path, "must be true or false")
        }
        return isSet
    }

    func strings(_ path: String) throws(BootError) -> [String]? {
        guard let value = value(path) else { return nil }
        guard let array = value.array else {
            throw wrong(path, "must be a list of strings")
        }
        var texts: [String] = []
        for element in array {
            guard let text = element.string else {
                throw wrong(path, "must be a list of strings")
            }
            texts.append(text)
        }
        return texts
    }

    func integer(_ path: String, in range: ClosedRange<Int>) throws(BootError) -> Int? {
        guard let value = value(path) else { return nil }
        guard let number = value.int, range.contains(number) else {
            throw wrong(path, "must be a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func bytes(_ path: String) throws(BootError) -> UInt64? {
        guard let value = value(path) else { return nil }
        if let number = value.int, number >= 0 { return UInt64(number) }
        guard let text = value.string, let bytes = ByteCount.parse(text) else {
            throw wrong(path, "must be a size in bytes, such as 20000000000 or \"20GiB\"")
        }
        return bytes
    }
}
