/// Names of files, as they come from a guest or go to one.
package enum CopyName {
    /// Why a file of this name is not copied; nil where nothing is wrong with it.
    /// - Parameter name: one part of a path.
    package static func fault(of name: [UInt8]) -> String? {
        guard !name.isEmpty else { return "it has no name" }
        guard !name.contains(UInt8(ascii: "/")) else { return "its name has a '/' in it" }
        guard name != Array(".".utf8), name != Array("..".utf8) else { return "its name means a folder" }
        guard name.count <= longest else { return isTooLong }
        guard let text = String(validating: name, as: UTF8.self) else { return "its name is not written in UTF-8" }
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: return "its name has control characters"
            default: continue
            }
        }
        return nil
    }

    /// Bytes of a name that Linux takes.
    static let longest = 255
    static let isTooLong = "its name is longer than \(longest) bytes"

    /// A path of the guest's for people.
    static func shown(_ path: [UInt8]) -> String { "'\(String(decoding: path, as: UTF8.self))'" }

    /// The last part of a path, without slashes at its end; nil where that names no file: `/`, `.`, `..`.
    package static func last(of path: String) -> String? {
        let part = path.split(separator: "/").last.map(String.init) ?? ""
        return ["", ".", ".."].contains(part) ? nil : part
    }

    /// A path in a folder.
    static func path(_ folder: [UInt8], _ name: [UInt8]) -> [UInt8] {
        if folder.isEmpty { return name }
        return folder.last == UInt8(ascii: "/") ? folder + name : folder + [UInt8(ascii: "/")] + name
    }
}
