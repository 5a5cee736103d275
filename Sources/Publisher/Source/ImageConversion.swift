import FoundationEssentials
import Glibc
import Linux

/// An image of another format as a temporary raw file, made by qemu-img.
struct ImageConversion {
    /// The raw file; the owner removes it.
    let result: String

    private static let program = "qemu-img"

    /// - Throws: ``PublisherError``; the temporary file is gone then.
    init(
        of image: String, format: String, beside output: String, progress: PublishProgress, cancellation: Cancellation
    ) throws(PublisherError) {
        result = AtomicFile.temporaryName(for: output)
        progress.begin(.convert, total: 0)
        do {
            let ended = try ChildProgram.run(
                ImageConversion.program,
                [
                    "convert", "-f", format, "-O", "raw", "--", ImageConversion.plain(image),
                    ImageConversion.plain(result),
                ],
                cancellation: cancellation)
            try ImageConversion.check(ended)
        } catch {
            unlink(result)
            throw error
        }
    }

    /// What qemu-img takes a file for.
    /// - Parameter isForeign: an image that names other files, a base or its parts, is refused: whoever made it would choose
    ///   which files of this machine are published.
    static func format(of image: String, isForeign: Bool) throws(PublisherError) -> String {
        let ended = try ChildProgram.run(program, ["info", "--output=json", "--", plain(image)])
        try check(ended)
        guard let info = try? JSONDecoder().decode(Info.self, from: Data(ended.output)) else {
            throw .programFailed(program, status: ended.status, message: "its answer is no JSON")
        }
        if isForeign, info.namesOtherFiles {
            throw .programFailed(program, status: 0, message: "the image names other files, which are not published")
        }
        return info.format
    }

    /// `file:` keeps qemu-img from reading a protocol out of a name such as `nbd:x`.
    private static func plain(_ path: String) -> String { "file:\(path)" }

    private static func check(_ ended: ChildProgram.Ended) throws(PublisherError) {
        guard ended.status != 0 else { return }
        let words = String(decoding: ended.errors, as: UTF8.self).split(separator: "\n").last.map(String.init) ?? ""
        // A full disk is the user's disk, not the program's fault.
        if words.hasSuffix("No space left on device") {
            throw .unwritable(SystemCallError(code: ENOSPC, call: "write", subject: "the converted image"))
        }
        throw .programFailed(program, status: ended.status, message: words)
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
