import Glibc
import TestSupport
import Testing

/// A machine without /dev/fuse: whoever needs it names the same cure.
@Suite(.enabled(if: MountingMachine.isReady && geteuid() == 0, "only root can take /dev/fuse away"))
struct MissingFUSETests {
    @Test func mountAndDoctorNameTheSameCure() async throws {
        let folder = try TemporaryDirectory()
        // In a mount name space of its own: a /dev that has nothing but what programs cannot do without.
        let text = #"""
            set -e
            head -c 300000 /dev/zero | tr '\0' x > "$HOME/image"
            "$2" make "$HOME/image" "$HOME/image.caibx" --store "$HOME/default.castr" > /dev/null 2>&1
            mkdir "$HOME/dev" "$HOME/m"
            mount -t tmpfs none "$HOME/dev"
            cp -a /dev/null /dev/zero /dev/urandom "$HOME/dev"
            mount --bind "$HOME/dev" /dev
            set +e
            "$1" doctor --json
            "$1" mount "$HOME/image.caibx" "$HOME/m" 2>&1
            """#
        let result = try await BuiltProgram.runAny(
            "unshare",
            [
                "-m", "bash", "-c", text, "bash", BuiltProgram.path("oscircular"),
                BuiltProgram.path("oscircular-publish"),
            ],
            environment: [
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder.path, "XDG_STATE_HOME": folder.path("state"),
                "XDG_CACHE_HOME": folder.path("cache"), "XDG_CONFIG_HOME": folder.path("config"),
            ])
        #expect(result.status == 69, "\(result.stderr)")
        #expect(result.stdout.contains(#""cure" : "modprobe fuse""#), "\(result.stdout)\(result.stderr)")
        #expect(result.stdout.contains("/dev/fuse: No such file or directory. Do: modprobe fuse"), "\(result.stdout)")
    }
}
