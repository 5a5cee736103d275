import FoundationEssentials
import Linux

/// An image of another format, which qemu-img makes a raw file of.
struct ImageConversion {
    private let image: String
    /// What was recognized, for people, and qemu-img's name of it.
    private let name: String
    private let format: String

    private static let program = "qemu-img"

    /// Looks at an image.
    /// - Parameter isForeign: an image that names other files, a base or its parts, is refused: its author would choose
    ///   which files of this machine are published.
    /// - Throws: ``PublisherError``; ``PublisherError/image(path:_:)`` for one that is damaged, cut off or refused.
    init(
        of image: String, name: String, isForeign: Bool, cancellation: Cancellation
    ) throws(PublisherError) {
        (self.image, self.name) = (image, name)
        let ended = try ImageConversion.run(
            ["info", "--output=json", "--", ImageConversion.plain(image)], cancellation: cancellation)
        try ImageConversion.check(ended)
        // If the answer is not JSON, or not this, nothing is known of the image, whatever the reason.
        guard let info = try? JSONDecoder().decode(Info.self, from: Data(ended.output)) else {
            throw .programFailed(ImageConversion.program, status: ended.status, message: "its answer is not JSON")
        }
        format = info.format
        if info.format == "raw" { throw refusal("a damaged \(name) image") }
        if isForeign, info.namesOtherFiles {
            throw .image(
                path: image,
                .other(
                    "an image that names other files, which could be any files of this machine",
                    cure: "give an image that is complete by itself"))
        }
        // Data in other files says nothing about the length of this one.
        if !info.namesOtherFiles { try checkLength(cancellation) }
    }

    /// Writes the raw disk; holes stay holes.
    /// - Throws: ``PublisherError``; the file may be there in part then, its owner removes it.
    func write(to path: String, progress: PublishProgress, cancellation: Cancellation) throws(PublisherError) {
        progress.begin(.convert, total: 0)
        try ImageConversion.check(
            try ImageConversion.run(
                ["convert"] + source + ["-O", "raw", "--", sourceName, ImageConversion.plain(path)],
                cancellation: cancellation))
    }

    private var isVHD: Bool { format == "vpc" }
    private var source: [String] { isVHD ? ["--image-opts"] : ["-f", format] }

    /// A VHD has two sizes, and some programs' older one, by cylinders and heads, is a little short.
    private var sourceName: String {
        guard isVHD else { return ImageConversion.plain(image) }
        let path = image.map { $0 == "," ? ",," : String($0) }.joined()
        return "driver=vpc,force_size_calc=current_size,file.driver=file,file.filename=\(path)"
    }

    /// `file:` keeps qemu-img from reading a protocol out of a name such as `nbd:x`.
    private static func plain(_ path: String) -> String { "file:\(path)" }

    private func refusal(_ what: String) -> PublisherError {
        .image(path: image, .other(what, cure: "check it with 'qemu-img check', or fetch it again"))
    }

    /// qemu-img reads zeros for blocks behind the end of a truncated file.
    private func checkLength(_ cancellation: Cancellation) throws(PublisherError) {
        let ended = try ImageConversion.run(
            ["map", "--output=json", "-f", format, "--", ImageConversion.plain(image)], cancellation: cancellation)
        try ImageConversion.check(ended)
        // A map of more than 16 MiB, of a disk in a hundred thousand pieces, is not looked at.
        guard let extents = try? JSONDecoder().decode([Extent].self, from: Data(ended.output)) else { return }
        // The length of what is compressed is that of the disk, not of the file.
        let ends = extents.compactMap { extent in extent.data ? extent.offset.map { $0 + extent.length } : nil }
        let end = ends.max() ?? 0
        if end > (try ImageSource(path: image).size) { throw refusal("a \(name) image that is cut off") }
    }

    private static func run(
        _ arguments: [String], cancellation: Cancellation
    ) throws(PublisherError) -> ChildProgram.Ended {
        var environment = ChildProgram.environment
        // Its messages about the disk are read here.
        environment["LC_ALL"] = "C.UTF-8"
        return try ChildProgram.run(program, arguments, environment: environment, cancellation: cancellation)
    }

    private static func check(_ ended: ChildProgram.Ended) throws(PublisherError) {
        guard ended.status != 0 else { return }
        let words = String(decoding: ended.errors, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
        // A full disk is the user's disk, and a limit the user's limit: not the program's fault.
        let shortages = [
            ("No space left on device", ErrorNumber.noSpace), ("Disk quota exceeded", .quotaExceeded),
            ("File too large", .fileTooLarge),
        ]
        if let shortage = shortages.first(where: { words.hasSuffix($0.0) }) {
            throw .unwritable(SystemCallError(shortage.1, call: "write", subject: "the converted image"))
        }
        throw .programFailed(program, status: ended.status, message: words)
    }

    private struct Extent: Decodable {
        let length: UInt64
        let data: Bool
        /// Where it lies in the file; nil for what is compressed.
        let offset: UInt64?
    }

    private struct Info: Decodable {
        let format: String
        let base: String?
        let specific: Specific?

        struct Specific: Decodable { let data: Facts? }

        struct Facts: Decodable {
            /// qcow2's data outside of the file.
            let dataFile: String?
            /// vmdk's kind.
            let createType: String?

            enum CodingKeys: String, CodingKey {
                case dataFile = "data-file"
                case createType = "create-type"
            }
        }

        enum CodingKeys: String, CodingKey {
            case format
            case base = "backing-filename"
            case specific = "format-specific"
        }

        var namesOtherFiles: Bool {
            if base != nil || specific?.data?.dataFile != nil { return true }
            let kind = specific?.data?.createType
            return format == "vmdk" && kind != "monolithicSparse" && kind != "streamOptimized"
        }
    }
}
