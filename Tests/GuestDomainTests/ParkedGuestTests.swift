import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestDomain

/// What runs in a guest that is saved asleep and goes on as many (`share/park`), in the tiny guest, with QEMU alone.
@Suite(
    .serialized, .timeLimit(.minutes(6)),
    .enabled(if: access(PlainGuest.program, X_OK) == 0, "SKIPPED: needs qemu-system-x86"))
struct ParkedGuestTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory(in: "/tmp") }

    /// What each clone says of itself. As the script of a home it runs when the host has its answer.
    private static let facts = """
        exec > /dev/ttyS0 2>&1
        echo "FACT random $(head -c 16 /dev/urandom | md5sum)"
        echo "FACT machine-id $(cat /etc/machine-id)"
        count=0
        until [ -e /run/dropbear/pid ] || [ "$count" -ge 300 ]; do sleep 0.1; count=$((count + 1)); done
        echo "FACT key $(md5sum < /run/dropbear/key)"
        echo "FACT name $(hostname)"
        echo "FACT files $(cat /root/.ssh/authorized_keys /root/.ssh/id_ed25519 /root/.ssh/known_hosts | tr '\\n' ' ')"
        echo "FACT password $(sed -n 's/^root:\\([^:]*\\):.*/\\1/p' /etc/shadow)"
        echo "FACT time $(date +%s)"
        echo FACTS END
        """

    private static func order(_ number: Int, home: String = facts) -> WakeOrder {
        WakeOrder(
            seed: WakeOrder.randomSeed(), hostName: "clone-\(number)", user: "root",
            authorizedKey: "ssh-ed25519 AAAA host", guestKey: Array("secret\n".utf8),
            knownHosts: Array("10.0.2.2 ssh-ed25519 BBBB\n".utf8), passwordHash: "$6$salt$hash/\(number).", home: home)
    }

    private static func fact(_ name: String, _ guest: PlainGuest) -> String {
        let line = guest.text.split(separator: "\r\n").last { $0.hasPrefix("FACT \(name) ") }
        return line.map { String($0.dropFirst("FACT \(name) ".count)) } ?? ""
    }

    private func disk(_ name: String, over base: String, _ format: String) throws {
        let made = try ChildProcess.run(
            "qemu-img", ["create", "-q", "-f", "qcow2", "-F", format, "-b", base, folder.path("\(name).qcow2")])
        try #require(made.ending == .exited(0), "\(made.text)")
    }

    private func clone(
        _ number: Int, order: String?, files: [String: String] = [:]
    ) async throws -> PlainGuest {
        let name = "clone-\(number)"
        try disk(name, over: folder.path("template.qcow2"), "qcow2")
        return try await PlainGuest(name, in: folder, order: order, memory: folder.path("memory"), files: files)
    }

    /// Boots a template, and saves it asleep.
    private func makeTemplate(files: [String: String] = [:]) async throws {
        try disk("template", over: try await TinyGuest.image(), "raw")
        let template = try await PlainGuest("template", in: folder, files: files)
        try #require(await template.says("OSCIRCULAR-PARKED", within: 120), "\(template.text)")
        // Until it sleeps: a variant that does not is seen by what it does.
        try await Task.sleep(for: .seconds(files.isEmpty ? 2 : 0))
        try await template.save(to: folder.path("memory"))
    }

    @Test func fiveClonesAtOnceAreFiveSystems() async throws {
        try await makeTemplate()
        var clones: [PlainGuest] = []
        for number in 1...5 { clones.append(try await clone(number, order: Self.order(number).text)) }
        for clone in clones {
            try await clone.goOn()
            try clone.press()
        }
        var seen: [Int: Int] = [:]
        _ = await eventually(within: .seconds(120)) {
            for (position, clone) in clones.enumerated() where seen[position] == nil {
                if clone.text.contains("FACTS END") { seen[position] = WallClock.seconds }
            }
            return seen.count == 5
        }
        for (position, clone) in clones.enumerated() {
            let apart = (Int(Self.fact("time", clone)) ?? 0) - (seen[position] ?? 0)
            #expect(abs(apart) <= 2, "its clock is \(apart) seconds off: \(clone.text)")
            #expect(clone.text.contains("OSCIRCULAR-AWAKE"), "\(clone.text)")
            #expect(Self.fact("name", clone) == "clone-\(position + 1)")
            #expect(
                Self.fact("files", clone) == "ssh-ed25519 AAAA host secret 10.0.2.2 ssh-ed25519 BBBB ", "\(clone.text)")
            #expect(Self.fact("password", clone) == "$6$salt$hash/\(position + 1).")
        }
        for name in ["random", "machine-id", "key"] {
            let values = clones.map { Self.fact(name, $0) }
            #expect(Set(values).count == 5 && values.allSatisfy { $0.count >= 32 }, "\(name): \(values)")
        }
        // The press that wakes it ends nothing, and a second one does, as ever.
        #expect(await !clones[0].ends(within: 3))
        try clones[0].press()
        #expect(await clones[0].ends(within: 30))
    }

    /// The kernel stirs its pool by itself when it wakes. So that what is tried is our own part, this one only waits in place of sleeping; its
    /// pool is as old as the template's when it goes on.
    @Test(
        .enabled(if: BuiltProgram.isInstalled("cc"), "SKIPPED: needs a C compiler"), arguments: [true, false])
    func withoutTheHostsRandomNumbersClonesAreAlike(areSeeded: Bool) async throws {
        let source = Self.sources + "/park.c"
        var text = try FileContents.readText(source, limit: 1 << 20)
        func replace(_ part: String, _ other: String) throws {
            #expect(text.contains(part), "\(source) has changed: this test replaces parts of it")
            text = text.replacing(part, with: other)
        }
        try replace(
            #"long written = call(SYS_write, power, (long)"freeze", 6, 0, 0);"#,
            #"""
            long pool = open_file("/dev/urandom", O_RDWR, 0), written = 6;
            (void)power;
            call(SYS_ioctl, pool, RNDRESEEDCRNG, 0, 0, 0);
            for (read_session(entry); !session[0]; read_session(entry)) pause_ms(50);
            """#)
        if !areSeeded {
            try replace("if (call(SYS_ioctl, pool, RNDADDENTROPY, (long)&entropy, 0, 0) < 0) return 0;", "(void)pool;")
            try replace("if (call(SYS_ioctl, pool, RNDRESEEDCRNG, 0, 0, 0) < 0) return 0;", "")
        }
        try folder.write(Array(text.utf8), to: "park.c")
        try folder.write(try FileContents.read(Self.sources + "/build", limit: 1 << 16), to: "build")
        let built = try ChildProcess.run("sh", [folder.path("build"), folder.path("variant")], environment: nil)
        try #require(built.ending == .exited(0), "\(built.text)")
        let script = """
            cp /sys/firmware/qemu_fw_cfg/by_name/opt/oscircular/variant/raw /tmp/park
            chmod 755 /tmp/park
            /tmp/park /sbin/park-before /sbin/park-after
            sleep 300
            """
        let files = [
            "variant": folder.path("variant"), "cmd": try folder.write(Array(script.utf8), to: "script"),
        ]
        try await makeTemplate(files: files)
        var values: [String] = []
        for number in 1...3 {
            let clone = try await clone(number, order: Self.order(number).text, files: files)
            try await clone.goOn()
            #expect(await clone.says("FACTS END", within: 60), "\(clone.text)")
            values.append(Self.fact("machine-id", clone))
        }
        #expect(values.allSatisfy { $0.count == 32 }, "\(values)")
        #expect((Set(values).count == 3) == areSeeded, "\(values)")
    }

    /// The project's folder of what runs in templates.
    private static var sources: String {
        var path = Substring(#filePath)
        for _ in 0..<3 { path = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex) }
        return path + "/share/park"
    }

    @Test func whoeverIsWokenWithoutRandomNumbersOfItsOwnPowersOff() async throws {
        try await makeTemplate()
        let whole = Self.order(1).text
        let short = Self.order(1).text.replacing("SEED=", with: "SEED=AAAA\nNOBODY=")
        for (number, order) in [nil, short, String(whole.dropFirst("SEED=".count)), "SEED=\n"].enumerated() {
            let clone = try await clone(number, order: order)
            try await clone.goOn()
            try clone.press()
            #expect(await clone.ends(within: 30), "\(number): \(clone.text)")
            #expect(clone.text.contains("OSCIRCULAR-NO-SESSION"), "\(number): \(clone.text)")
            #expect(
                !clone.text.contains("OSCIRCULAR-AWAKE") && !clone.text.contains("FACT"), "\(number): \(clone.text)")
        }
    }

    /// What a later release asks for is refused, and said; a guest that is no template does not hear of it.
    @Test func whoeverCannotBeATemplateSaysSo() async throws {
        try disk("later", over: try await TinyGuest.image(), "raw")
        let later = try await PlainGuest("later", in: folder, park: "park 2")
        #expect(await later.says("OSCIRCULAR-NO-PARK this guest knows only the first form of it", within: 60))
        try disk("usual", over: try await TinyGuest.image(), "raw")
        let usual = try await PlainGuest("usual", in: folder, park: nil)
        #expect(await usual.says("READY", within: 60))
        #expect(await !usual.says("OSCIRCULAR", within: 5))
    }

    /// Its disk remembers, its memory does not.
    @Test func aCloneThatIsRestartedHasWhatItsHostGaveIt() async throws {
        try await makeTemplate()
        let script = """
            exec > /dev/ttyS0 2>&1
            if [ -e /woken ]; then
                echo "AGAIN $(cat /root/.ssh/id_ed25519) $(grep -c AAAA /root/.ssh/authorized_keys)"
            else
                echo once > /woken
                sync
                reboot -f
            fi
            """
        let clone = try await clone(1, order: Self.order(1, home: script).text)
        try await clone.goOn()
        try clone.press()
        #expect(await clone.says("AGAIN secret 1", within: 120), "\(clone.text)")
        #expect(!clone.text.contains("OSCIRCULAR-PARKED"), "\(clone.text)")
        #expect(clone.text.components("OSCIRCULAR-AWAKE") == 1, "\(clone.text)")
    }
}

extension String {
    /// How often a text is in it.
    fileprivate func components(_ part: String) -> Int { ranges(of: part).count }
}
