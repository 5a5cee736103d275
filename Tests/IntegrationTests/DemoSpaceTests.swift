import Glibc
import TestSupport
import Testing

/// What the demo's first run says before it does anything.
@Suite(.enabled(if: geteuid() == 0, "mounting a small file system takes root"))
struct DemoSpaceTests {
    @Test func aDiskThatIsTooSmallIsRefusedBeforeAnythingIsMade() async throws {
        let folder = try TemporaryDirectory()
        var share = Substring(#filePath)
        for _ in 0..<3 { share = share.prefix(upTo: share.lastIndex(of: "/") ?? share.startIndex) }
        let script = """
            mount -t tmpfs -o size=16m tmpfs "$0" && code=0
            OSCIRCULAR_DEMO_PROGRAMS=/nowhere OSCIRCULAR_DEMO_FOLDER="$0" "$1/share/demo/run" || code=$?
            ls "$0" && exit "$code"
            """
        let ended = try await BuiltProgram.runAny(
            "unshare", ["--mount", "sh", "-c", script, folder.path, String(share)])
        #expect(ended.status == 73, "\(ended.stderr)")
        #expect(ended.stdout == "lock\n")
        // What, how long and how much.
        #expect(
            ["a tiny guest", "minutes", "3.0 GB", "16 MB free"].allSatisfy(ended.stderr.contains), "\(ended.stderr)")
    }
}
