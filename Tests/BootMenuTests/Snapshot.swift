import Foundation
import Testing

/// Screens as text files, read and judged by people when they change.
enum Snapshot {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Snapshots")

    /// Compares rows with the stored screen. With OSCIRCULAR_SNAPSHOTS=record in the environment it is stored anew instead.
    static func expect(
        _ rows: [String], _ name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let text = rows.joined(separator: "\n") + "\n"
        let file = folder.appending(path: "\(name).txt")
        if ProcessInfo.processInfo.environment["OSCIRCULAR_SNAPSHOTS"] == "record" {
            try text.write(to: file, atomically: true, encoding: .utf8)
            return
        }
        let stored = try String(contentsOf: file, encoding: .utf8)
        #expect(text == stored, "\(name) looks different:\n\(text)", sourceLocation: sourceLocation)
    }
}
