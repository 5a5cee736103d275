import Boot
import ContentAddress
import Glibc
import ImageIndex
import Linux
import TestSupport
import Testing

/// The whole path with a real web server, FUSE, libvirt and QEMU, and the tiny guest.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct GuestTests {
    @Test func bootsFromBlocksThatTheServerHandsOutAndTalksBothWays() async throws {
        let scenario = try await Scenario(images: [("2026-11-16", try await TinyGuest.image())])
        do {
            let session = try await scenario.boot("tiny")
            #expect(session.state == .running)
            #expect(session.phase == .up)
            #expect(session.accel == "tcg")
            _ = try await scenario.console(of: session, shows: "READY")
            // The screen shows what the serial line does, the kernel's words too, and its adapter shows the screen.
            let screen = try await scenario.attempt("ssh", session.id, "cat /dev/vcs1 /sys/class/vtconsole/*/name")
            #expect(["READY", "[    ", "VGA"].allSatisfy(screen.output.contains), "\(screen.output) \(screen.error)")
            try await expectPicture(of: session, scenario)
            try await expectHidden(session, scenario)
            // Far from all blocks were asked for, and none twice.
            let requests = scenario.blockRequests
            #expect(!requests.isEmpty)
            #expect(Set(requests).count == requests.count, "a block was fetched twice")

            let answer = try await scenario.attempt("ssh", session.id, "echo from the guest; exit 7")
            #expect(answer.output == "from the guest\n")
            #expect(answer.status == 7, "ssh's code is passed on: \(answer.error)")

            // The one exchange folder of all guests of earlier versions is nobody's now.
            let old = scenario.folder.path("state/oscircular/exchange")
            try Folder.makeNew(old, mode: 0o700)
            try AtomicFile.write("echo PWNED\n", to: old + "/.bashrc")

            // A host service that is not for the guest.
            let listener = try LoopbackListener()
            let inside = """
                ssh -o BatchMode=yes -l root 10.0.2.2 'echo on the host; pwd; ls -A . "$HOME"; echo kept > result'
                for address in 10.0.2.2 10.0.2.254 10.0.2.3; do
                    echo hello | nc -w 2 $address \(listener.port) && echo REACHED $address
                done
                true
                """
            let host = try await scenario.attempt("ssh", session.id, inside)
            #expect(
                host.output.hasPrefix("on the host\n/exchange\n.:\n\n/var/empty:\n"), "\(host.output) \(host.error)")
            #expect(!host.output.contains("REACHED"))
            #expect(!listener.wasReached)

            // The network's process dies: the guest has its network back, and read its disk meanwhile.
            let networks = ProcessTable.pids(running: "run-network", naming: scenario.folder.path)
            #expect(networks.count == 2, "the one that serves, and the one that waits for it")
            networks.forEach { kill($0, SIGKILL) }
            let killed = ContinuousClock.now
            let again = try await scenario.attempt(
                "ssh", session.id,
                "dd if=/dev/vda of=/dev/null bs=1M count=4 && ssh -o BatchMode=yes -l root 10.0.2.2 'echo back'")
            #expect(again.output == "back\n", "\(again.error)")
            #expect(ContinuousClock.now - killed < .seconds(30))
            #expect(
                Set(networks).isDisjoint(with: ProcessTable.pids(running: "run-network", naming: scenario.folder.path)))

            let status = try await scenario.sessions()
            #expect(status.map(\.id) == [session.id])
            #expect(status.first?.state == .running)
            if geteuid() == 0 {
                let process = try FileContents.readText("/proc/\(session.pid)/status", limit: 65_536)
                #expect(process.contains("NoNewPrivs:\t1"))
                for name in ["CapPrm:\t", "CapEff:\t", "CapBnd:\t"] {
                    let line = process.split(separator: "\n").first { $0.hasPrefix(name) } ?? ""
                    let rights = try #require(UInt64(line.dropFirst(name.count), radix: 16))
                    // Thirteen of them, or fewer where the machine has not even these: docs/decisions/0042.
                    #expect(rights & ~0x0124_15EF == 0, "\(line)")
                }
            }
            try await scenario.client("stop", session.id)
            try await expectNothingLeft(of: session, scenario)
            let exchanges = scenario.folder.path("state/oscircular/exchanges")
            #expect(try FileContents.readText("\(exchanges)/\(session.id)/result", limit: 100) == "kept\n")
            #expect(try Folder.names(in: old) == [".bashrc"], "what earlier versions left stays")

            // The second boot finds all of it here.
            let before = scenario.blockRequests.count
            #expect(before < session.blocks, "the rest of the image was fetched while the guest started")
            let second = try await scenario.boot("tiny@2026-11-16")
            _ = try await scenario.console(of: second, shows: "READY")
            #expect(scenario.blockRequests.count == before, "the second boot fetched blocks")
            try await scenario.client("stop", second.id, "--force")
            try await expectNothingLeft(of: second, scenario)
            #expect(try Folder.names(in: exchanges) == [session.id], "an empty exchange folder goes with its session")
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    /// The session gives a picture of what the guest's screen shows: white text on black.
    private func expectPicture(of session: SessionStatus, _ scenario: Scenario) async throws {
        let (environment, home) = (scenario.environment, scenario.folder.path)
        let registry = SessionRegistry(places: Places(environment: { environment[$0] }, user: geteuid(), home: home))
        var answer: PictureAnswer?
        for _ in 0..<20 where answer == nil {
            answer = try await registry.send(.screenshot, size: PictureSize(width: 400, height: 300), to: session.id)
                .screen
        }
        let picture = try #require(answer?.picture)
        #expect(picture.width == 400 && (150...300).contains(picture.height))
        let bright = picture.pixels.filter { $0 > 60 }.count
        #expect(bright > 200 && bright < picture.pixels.count / 2, "\(bright) of \(picture.pixels.count)")
    }

    /// Other users, and the QEMUs of other guests, read nothing of a guest of root's.
    private func expectHidden(_ session: SessionStatus, _ scenario: Scenario) async throws {
        let overlay = scenario.folder.path("state/oscircular/overlays/\(session.id).qcow2")
        let image = try #require(session.mount)
        let owner = try #require(try Paths.status(overlay)?.owner)
        let usable: ClosedRange<UserID> = 61_184...65_519
        #expect(usable.contains(owner))
        let emulators = Folder.namesIfAny(in: "/proc").filter { ProcessID($0) != nil }.filter { pid in
            // One that has ended has no arguments.
            let words = (try? FileContents.readText("/proc/\(pid)/cmdline", limit: 65_536)) ?? ""
            return words.contains("\0guest=oscircular-\(session.id),")
        }
        #expect(emulators.count == 1)
        for pid in emulators { #expect(try Paths.status("/proc/\(pid)")?.owner == owner) }
        let group = UserDatabase.group(named: "libvirt-qemu") ?? 65534
        let neighbour = owner == usable.lowerBound ? owner + 1 : owner - 1
        for (user, mayRead) in [(owner, true), (neighbour, false)] {
            for path in [image, overlay] {
                let read = try await BuiltProgram.runAny(
                    "setpriv", ["--reuid=\(user)", "--regid=\(group)", "--clear-groups", "head", "-c", "1", path])
                #expect((read.status == 0) == mayRead, "\(path) as \(user): \(read.stderr)")
            }
        }
    }

    @Test func aStartIsRecordedAndTheRestComesWhenItIsOver() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let session = try await scenario.boot("tiny")
            #expect(session.bootSet == nil, "nobody has recorded it")
            _ = try await scenario.console(of: session, shows: "READY")
            try await scenario.whole(session)
            let requests = scenario.blockRequests
            #expect(Set(requests).count == requests.count, "a block was fetched twice")
            try await scenario.client("stop", session.id, "--force")

            let bootSet = try BootSet(
                path: scenario.folder.path("state/oscircular/boot-sets/test/tiny/2026-11-16.bootset"))
            #expect(bootSet.ids.count > 10 && bootSet.ids.count < requests.count)
            let row = try await scenario.client("list", "--json")
            #expect(row.contains("\"offline\" : \"whole\""), "\(row)")

            // Another machine's cache, so to speak: the boot set comes ahead, and is enough to start without a server.
            try await scenario.client("cache", "clear")
            try await scenario.client("fetch", "tiny", "--boot-set")
            #expect(try await scenario.client("list", "--json").contains("\"offline\" : \"boots\""))
            let before = scenario.blockRequests.count
            #expect(before - requests.count == bootSet.ids.count)
            let second = try await scenario.boot("tiny")
            #expect(second.bootSet?.blocks == bootSet.ids.count)
            _ = try await scenario.console(of: second, shows: "READY")
            let later = try await scenario.sessions().first
            #expect(later?.bootSet?.done == bootSet.ids.count)
            try await scenario.client("stop", second.id, "--force")
        }
    }

    @Test func readersFetchAheadWhatThePublisherRecorded() async throws {
        try await Scenario.with(
            images: [("2026-11-16", try await TinyGuest.image())], configuration: "[prefetch]\nrest = \"never\"\n"
        ) { scenario in
            let missing = try await scenario.attempt("fetch", "tiny", "--boot-set")
            #expect(missing.status == 66, "\(missing.error)")
            func folders() -> [String] { Folder.namesIfAny(in: "/tmp").filter { $0.hasPrefix("oscircular-record-") } }
            let before = folders().sorted()
            let words = try await scenario.publisher(
                "record", scenario.tree, "tiny", "2026-11-16", "--rounds", "1", "--accel", "tcg")
            #expect(words.hasPrefix("boot set: tiny@2026-11-16, "))
            #expect(folders().sorted() == before)
            try await scenario.client("catalog", "refresh")
            let session = try await scenario.boot("tiny")
            let blocks = try #require(session.bootSet?.blocks)
            #expect(blocks > 10 && blocks < session.blocks)
            _ = try await scenario.console(of: session, shows: "READY")
            // A guest's start varies a little; nearly all of it was known, and most comes in pieces of a pack.
            let line = words.split(separator: "\n")[0].split(separator: " ")
            let recorded = try #require(Int(line.dropLast().last ?? ""))
            let requests = scenario.blockRequests.count
            #expect(
                requests >= blocks && requests < blocks + recorded / 4,
                "\(requests) requests for \(blocks) pieces and blocks, of \(recorded) blocks")
            try await scenario.client("stop", session.id, "--force")
        }
    }

    @Test func theGuestWaitsForAServerThatIsGoneAndSeesNothing() async throws {
        // A cache smaller than the image: blocks are fetched again while it runs.
        let scenario = try await Scenario(
            images: [("2026-11-16", try await TinyGuest.image())],
            configuration: "[read]\nbound = 1\n[cache]\nlimit = \"8MiB\"\n")
        do {
            let session = try await scenario.boot("tiny")
            scenario.server.stop()
            var state = SessionStatus.State.running
            for _ in 0..<150 where state != .waiting {
                try await Task.sleep(for: .milliseconds(200))
                state = try await scenario.sessions().first?.state ?? state
            }
            #expect(state == .waiting)
            // Longer than several bounds: QEMU has paused the guest, and more than one read failed.
            try await Task.sleep(for: .seconds(3))
            #expect(try await scenario.sessions().first?.lastError != nil)
            try await WorkerThread.run(name: "nginx") { try scenario.server.start() }
            let log = try await scenario.console(of: session, shows: "READY")
            #expect(!log.contains("I/O error"), "the guest's kernel saw an error: \(log)")
            let kernel = try await scenario.attempt("ssh", session.id, "dmesg | grep -ci 'i/o error'")
            #expect(kernel.output == "0\n", "\(kernel.error)")
            #expect(try await scenario.sessions().first?.state == .running)
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test func aKilledSessionLeavesNothingAfterTheNextStart() async throws {
        let scenario = try await Scenario(images: [("2026-11-16", try await TinyGuest.image())])
        do {
            let session = try await scenario.boot("tiny")
            kill(session.pid, SIGKILL)
            // Its domain ends with libvirt's connection.
            let name = session.domain?.name ?? ""
            let hasEnded = try await eventually {
                try await BuiltProgram.runAny("virsh", ["-q", "-c", LibvirtDaemon.uri, "domstate", name]).status != 0
            }
            #expect(hasEnded)
            #expect(try await scenario.sessions().isEmpty)
            try await expectNothingLeft(of: session, scenario)
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test func aSessionKilledWhileItStartsLeavesNothing() async throws {
        let scenario = try await Scenario(images: [("2026-11-16", try await TinyGuest.image())])
        do {
            // At several moments of the start, from the first phase to the domain's creation.
            for delay in [20, 80, 160, 300, 500, 800] {
                async let boot = scenario.attempt("boot", "tiny", "--detach", "--accel", "tcg")
                try await Task.sleep(for: .milliseconds(delay))
                let folder = scenario.folder.path("run/oscircular/sessions")
                for process in ProcessTable.pids(running: "run-session", under: folder) { kill(process, SIGKILL) }
                _ = try await boot
            }
            try await Task.sleep(for: .seconds(3))
            for session in try await scenario.sessions() { try await scenario.client("stop", session.id, "--force") }
            _ = try await scenario.sessions()
            #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty)
            #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays")).isEmpty)
            let mounts = try FileContents.readText("/proc/self/mountinfo", limit: 1 << 20)
            #expect(!mounts.contains(scenario.folder.path))
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }

    @Test func withoutALibvirtDaemonTheStartFailsAndLeavesNothing() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let nowhere = "qemu:///system?socket=\(scenario.folder.path("no-daemon"))"
            let result = try await scenario.attempt("boot", "tiny", "--detach", "--connect", nowhere)
            #expect(result.status == 69)
            #expect(result.error.contains("libvirt does not answer"), "\(result.error)")
            #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty)
        }
    }

    @Test func aHypervisorWithoutQEMUIsRefused() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            let result = try await scenario.attempt("boot", "tiny", "--detach", "--connect", "test:///default")
            #expect(result.status == 69)
            #expect(result.error.contains("has no QEMU"), "\(result.error)")
            // Each phase that the start reached is named, however quickly it passed.
            let names = result.error.split(separator: "\n").compactMap {
                $0.split(separator: ":").first.map(String.init)
            }
            let phases = SessionStatus.Phase.allCases.map(\.rawValue)
            #expect(names.filter(phases.contains) == ["catalog", "index", "mount", "boot-set"], "\(result.error)")
            #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty)
        }
    }

    @Test func aServerThatIsGoneBeforeTheStartIsAnErrorInTime() async throws {
        try await Scenario.with(images: [("2026-11-16", try await TinyGuest.image())]) { scenario in
            // Catalog and index are here, the blocks are not.
            _ = try await scenario.attempt("mount", "tiny", scenario.folder.path("nowhere"))
            scenario.server.stop()
            let result = try await scenario.attempt("boot", "tiny", "--detach", "--accel", "tcg")
            #expect(result.status == 69, "\(result.error)")
            #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty)
        }
    }

    private func expectNothingLeft(of session: SessionStatus, _ scenario: Scenario) async throws {
        #expect(Folder.namesIfAny(in: scenario.folder.path("run/oscircular/sessions")).isEmpty)
        #expect(Folder.namesIfAny(in: scenario.folder.path("state/oscircular/overlays")).isEmpty)
        let mounts = try FileContents.readText("/proc/self/mountinfo", limit: 1 << 20)
        #expect(!mounts.contains(scenario.folder.path))
        for folder in ControlGroup(name: "oscircular-\(session.id)", in: .current())?.folders ?? [] {
            #expect(!Folder.isFolder(folder), "\(folder)")
        }
        #expect(access(session.consoleLog, R_OK) == 0, "the log stays")
        let domain = try await BuiltProgram.runAny(
            "virsh", ["-c", "qemu:///system", "dominfo", session.domain?.name ?? ""])
        #expect(domain.status != 0, "the domain is still there")
    }
}
