import Glibc
import Linux
import TestSupport
import Testing

/// Results that do not arrive are not a success, whoever prints them: a command, or the parser of the command line.
@Suite struct StandardOutputTests {
    private static let commands = [
        ["oscircular", "--version"], ["oscircular", "--help"], ["oscircular", "help", "list"],
        ["oscircular", "--generate-completion-script", "bash"], ["oscircular", "sessions", "--json"],
        ["oscircular", "cache", "status", "--json"], ["oscircular", "catalog", "list", "--json"],
        ["oscircular-publish", "--help"], ["oscircular-publish", "help", "add"],
        ["oscircular-publish", "--generate-completion-script", "zsh"], ["tuf-client", "--help"],
    ]

    /// Runs a shell's text with `$@` as a command of ours, in places of its own.
    private func shell(_ text: String, _ command: [String]) async throws -> (status: Int32, errors: String) {
        let folder = try TemporaryDirectory()
        let result = try await BuiltProgram.runAny(
            "bash", ["-c", text, "bash", BuiltProgram.path(command[0])] + command.dropFirst(),
            environment: [
                "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": folder.path,
                "XDG_STATE_HOME": folder.path("state"), "XDG_CACHE_HOME": folder.path("cache"),
                "XDG_CONFIG_HOME": folder.path("config"), "XDG_RUNTIME_DIR": folder.path("run"),
            ])
        return (result.status, result.stderr)
    }

    @Test(arguments: commands)
    func aFullDiskIsSaid(_ command: [String]) async throws {
        let (status, errors) = try await shell(#""$@" >/dev/full"#, command)
        #expect(status == 73)
        #expect(errors.contains("standard output cannot be written: No space left on device"))
    }

    @Test(arguments: commands)
    func aClosedOutputIsSaid(_ command: [String]) async throws {
        let (status, errors) = try await shell(#""$@" >&-"#, command)
        #expect(status == 73)
        #expect(errors.contains("standard output cannot be written: it is closed"))
    }

    @Test(arguments: commands)
    func aReaderThatHadEnoughEndsItQuietly(_ command: [String]) async throws {
        let (status, errors) = try await shell(#"exec 3> >(exec true); wait $!; "$@" >&3"#, command)
        #expect(status == 128 + SIGPIPE)
        #expect(errors.isEmpty)
    }

    /// The parser's help stopped the program, or was empty, where fewer columns than its indentation were said.
    @Test func helpIsWholeInFewColumns() async throws {
        for columns in ["0", "1", "26", "-5", "many"] {
            let command = ["oscircular", "boot", "--help"]
            let (status, errors) = try await shell("COLUMNS=\(columns) " + #""$@" | grep -c Virtual >&2"#, command)
            #expect(status == 0 && errors == "1\n", "COLUMNS=\(columns): \(errors)")
        }
    }

    @Test func messagesThatCannotBeWrittenChangeNothing() async throws {
        for closed in ["2>&-", "2>/dev/full", "0<&- 1>&- 2>&-"] {
            let (status, _) = try await shell(#""$@" "# + closed, ["oscircular", "list", "--nonsense"])
            #expect(status == 64)
        }
    }

    /// An index that got the number of standard output would hold the summary.
    @Test func nothingThatIsOpenedGetsTheNumberOfAClosedDescriptor() async throws {
        let text = #"""
            make() { "$@" make "$HOME/image" "$HOME/$index" --store "$HOME/store"; }
            head -c 300000 /dev/zero | tr '\0' x > "$HOME/image"
            index=a.caibx; make "$@" >/dev/null 2>&1 || exit 1
            index=b.caibx; make "$@" <&- >&- 2>&-; [ $? = 73 ] && cmp "$HOME/a.caibx" "$HOME/b.caibx"
            """#
        let (status, errors) = try await shell(text, ["oscircular-publish"])
        #expect(status == 0, "\(errors)")
    }

    @Test func aSignalOfTheFileSizeLimitIsAnError() async throws {
        // The words go through a pipe: a file could not take them either.
        let text = #"words=$(ulimit -f 0; "$@" 2>&1 >"$HOME/out"); code=$?; echo "$words" >&2; exit $code"#
        let (status, errors) = try await shell(text, ["oscircular", "--help"])
        #expect(status == 73)
        #expect(errors.contains("ulimit -f"))
    }

    @Test func aFolderThatIsNotUTF8IsRefusedByItsBytes() async throws {
        for program in ["oscircular", "oscircular-publish"] {
            let (status, errors) = try await shell(#"HOME=$'/tmp/\xfe' "$@" --help"#, [program])
            #expect(status == 78)
            #expect(errors.contains(#"HOME='/tmp/\xfe' is not UTF-8"#))
        }
    }

    @Test func anotherFailureKeepsItsCodeAndBothAreSaid() async throws {
        // Nothing that a guest needs is found there.
        let (status, errors) = try await shell(
            #"exec env PATH=/nowhere "$@" >/dev/full"#, ["oscircular", "doctor", "--json"])
        #expect(status == 69)
        #expect(errors.contains("standard output cannot be written"))
    }

    /// The pool of Swift's tasks would wait for ever.
    @Test(.enabled(if: geteuid() == 0, "only root can become a user with no thread left"))
    func withoutThreadsItSaysSo() async throws {
        // That user may not get through to where the programs were built.
        let text =
            #"cp "$1" "$HOME/program" && chmod 755 "$HOME" && exec prlimit --nproc=1 setpriv --reuid=4242 --clear-groups "$HOME/program" list"#
        let (status, errors) = try await shell(text, ["oscircular"])
        #expect(status == 75)
        #expect(errors.contains("no thread could be started") && errors.contains("ulimit -u"))
    }

    @Test func anArgumentThatIsNotUTF8IsRefusedByItsBytes() async throws {
        for program in ["oscircular", "oscircular-publish"] {
            let (status, errors) = try await shell(#""$@" mount $'\xff.caibx' m"#, [program])
            #expect(status == 64)
            #expect(errors.contains(#"the argument '\xff.caibx' is not UTF-8"#))
        }
    }
}
