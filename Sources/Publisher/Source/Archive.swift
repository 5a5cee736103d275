/// A file with files in it; one that holds a single disk image is published as that image.
enum Archive: String, Sendable, Equatable {
    case tar
    case zip

    /// nil for what is not an archive that is unpacked here.
    init?(head: [UInt8]) {
        if head.has([0x50, 0x4B, 0x03, 0x04]) || head.has([0x50, 0x4B, 0x07, 0x08]) {
            self = .zip
        } else if Archive.isTar(head) {
            self = .tar
        } else {
            return nil
        }
    }

    /// By the check sum of its first header, which the oldest have as well.
    private static func isTar(_ head: [UInt8]) -> Bool {
        guard head.count >= 512, head[0] != 0 else { return false }
        let field = head[148..<156].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        guard let wanted = Int(String(decoding: field, as: UTF8.self), radix: 8) else { return false }
        let others = head[..<148].reduce(0) { $0 + Int($1) } + head[156..<512].reduce(0) { $0 + Int($1) }
        return others + 8 * 0x20 == wanted
    }

    /// Endings of disk images' names, packed ones too.
    private static let endings: Set<Substring> = [
        "raw", "img", "iso", "qcow2", "qcow", "vmdk", "vdi", "vhd", "vhdx", "qed", "hdd", "dd", "dsk",
    ]
    private static let packings: Set<Substring> = ["gz", "xz", "zst", "bz2", "lz4", "lzma", "lz"]

    /// Takes the only disk image out.
    /// - Throws: ``PublisherError``, for another number of images as well; the new file may be there in part then, its owner removes it.
    func unpack(
        _ source: String, shownAs name: String, to target: String, progress: PublishProgress,
        cancellation: Cancellation
    ) throws(PublisherError) {
        let members = try members(of: source, cancellation)
        let images = members.filter { Archive.isImage($0.name) }
        let plain = members.filter { !Archive.isCompanion($0.name) }
        guard let image = images.count == 1 ? images.first : images.isEmpty && plain.count == 1 ? plain.first : nil
        else {
            let what = "a \(rawValue) archive with \(images.isEmpty ? "no" : "\(images.count)") disk images in it"
            throw .image(
                path: name, .other(what, cure: "unpack it with \(command), and give the disk image to publish"))
        }
        switch self {
        case .tar:
            _ = try Unpacking.run(
                "tar", ["-xO", "--no-wildcards", "-f", "-", "--", image.name], from: source, to: target,
                size: image.size, progress: progress, cancellation: cancellation)
        case .zip:
            let pattern = image.name.map { "\\[]*?".contains($0) ? "\\\($0)" : String($0) }.joined()
            _ = try Unpacking.run(
                // An empty password: it would ask for one otherwise.
                "unzip", ["-P", "", "-p", "/proc/self/fd/0", pattern], from: source, to: target, size: image.size,
                progress: progress, cancellation: cancellation)
        }
    }

    private var command: String { self == .tar ? "tar -xf" : "unzip" }

    private struct Member {
        let name: String
        let size: Int
    }

    private func members(of source: String, _ cancellation: Cancellation) throws(PublisherError) -> [Member] {
        let (program, arguments, sizeColumn, nameColumn) =
            switch self {
            // -rw-r--r-- 0/0  5000192 2026-11-30 02:40 NAME
            case .tar: ("tar", ["-t", "-v", "--numeric-owner", "--quoting-style=literal", "-f", "-"], 2, 5)
            // -rw-r--r--  2.0 unx  5000000 b- defN 26-Nov-30 03:19 NAME
            case .zip: ("unzip", ["-Z", "-s", "/proc/self/fd/0"], 3, 8)
            }
        let lines = try Unpacking.list(program, arguments, of: source, cancellation: cancellation)
        // A zip does not always mark a file as one.
        return lines.filter { $0.hasPrefix("-") || self == .zip && $0.hasPrefix("?") }.compactMap { line in
            let parts = line.split(separator: " ", maxSplits: nameColumn)
            guard parts.count > nameColumn, let size = Int(parts[sizeColumn]) else { return nil }
            return Member(name: String(parts[nameColumn]), size: size)
        }
    }

    /// What Macs put beside each file.
    private static func isCompanion(_ name: String) -> Bool {
        name.split(separator: "/").last?.hasPrefix("._") == true
    }

    private static func isImage(_ name: String) -> Bool {
        var parts = name.lowercased().split(separator: ".")
        if let last = parts.last, packings.contains(last) { parts.removeLast() }
        guard parts.count > 1, let last = parts.last else { return false }
        return endings.contains(last) && !isCompanion(name)
    }
}
