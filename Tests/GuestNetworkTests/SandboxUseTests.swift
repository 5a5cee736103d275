import Linux
import TestSupport
import Testing

@testable import GuestNetwork

/// What guests' logins are for must go on working: files both ways, repositories, pipes, many logins.
@Suite(
    .serialized, .timeLimit(.minutes(10)),
    .enabled(
        if: HostProgram.allCases.allSatisfy { (try? $0.path()) != nil },
        "SKIPPED: needs openssh-server, openssh-client, bubblewrap and util-linux"))
struct SandboxUseTests {
    /// As a guest runs it: `$SCP` and `$SSH` have the session's keys, and the host is root@127.0.0.1.
    private func guest(
        _ script: String, _ fixture: SSHFixture, at location: SourceLocation = #_sourceLocation
    ) throws -> String {
        let options = fixture.connecting().map { "'\($0)'" }.joined(separator: " ")
        let preface = """
            set -e; cd \(fixture.folder.path); mkdir -p guest; cd guest
            scp() { command scp -q \(options) -P \(fixture.port) "$@"; }
            ssh() { command ssh \(options) -p \(fixture.port) root@127.0.0.1 "$@"; }
            export GIT_SSH_COMMAND="ssh $(echo \(options)) -p \(fixture.port)" HOME=$PWD
            host=root@127.0.0.1

            """
        let finished = try ChildProcess.run("/bin/bash", ["-c", preface + script])
        #expect(
            finished.ending == .exited(0), "\(finished.text) \(fixture.log)", sourceLocation: location)
        return String(decoding: finished.output, as: UTF8.self)
    }

    private func copy(mebibytes: Int) throws {
        let fixture = try SSHFixture()
        let output = try guest(
            """
            head -c \(mebibytes)M /dev/urandom > big
            scp big $host:
            scp -O big $host:second
            cmp big ../exchange/big && cmp big ../exchange/second
            ssh rm second
            scp $host:big back
            cmp big back
            rm back
            tar c big | ssh 'mkdir -p piped && tar x -C piped && sha256sum < piped/big' > sum
            [ "$(sha256sum < big)" = "$(cat sum)" ] && echo same
            """, fixture)
        #expect(output == "same\n")
    }

    @Test func filesAreCopiedBothWays() async throws {
        try await BlockingThread.run { try copy(mebibytes: 16) }
    }

    @Test(.enabled(if: Environment.value("OSCIRCULAR_DRILL") != nil, "SKIPPED: set OSCIRCULAR_DRILL=1"))
    func largeFilesAreCopiedBothWaysDrill() async throws {
        try await BlockingThread.run { try copy(mebibytes: 1024) }
    }

    @Test(.enabled(if: Paths.allows(.executing, "/usr/bin/git"), "SKIPPED: needs git"))
    func repositoriesAreClonedAndPushedTo() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let output = try guest(
                """
                ssh 'git init -q --bare repository.git'
                git clone -q ssh://$host/exchange/repository.git one 2>/dev/null
                cd one && seq 10000 > numbers && git add numbers
                git -c user.name=guest -c user.email=guest@localhost commit -qm numbers
                git push -q origin HEAD
                cd .. && git clone -q ssh://$host/exchange/repository.git two
                cmp one/numbers two/numbers && echo same
                """, fixture)
            #expect(output == "same\n")
        }
    }

    @Test func programsRunAsEver() async throws {
        try await BlockingThread.run {
            let fixture = try SSHFixture()
            let output = try guest(
                """
                ssh 'seq 3 | sort -r | paste -sd, ; mktemp -d | grep -c ^/tmp; (sleep 0.1 & wait) && echo waited'
                ssh 'cp -a /usr/share/doc/libc6 doc 2>/dev/null; ls doc | grep -c copyright; chmod 700 doc; chmod 1777 doc; mkfifo pipe && echo made'
                ssh 'timeout 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/9" 2>&1 | grep -q -e refused -e "not supported" && echo nowhere; getent hosts localhost | head -c 9'
                """, fixture)
            #expect(output == "3,2,1\n1\nwaited\n1\nmade\nnowhere\n127.0.0.1")
        }
    }
}
