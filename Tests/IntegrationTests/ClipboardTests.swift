import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// The clipboard of guest and desktop, from both ends of the line: an agent of our own in the guest, and a viewer of our own on the host. Both
/// say what they like, as a hostile guest and an unlucky user would; QEMU is between them.
@Suite(.serialized, .enabled(if: LibvirtDaemon.isReady(), Comment(rawValue: LibvirtDaemon.reason)))
struct ClipboardTests {
    /// In the guest: what comes goes to a file, and a line `TYPE TEXT` of a pipe becomes a message, with the header of a piece for the client.
    /// Only one process may have the port open.
    private static let agent = #"""
        port=/dev/$(basename "$(dirname "$(grep -l com.redhat.spice.0 /sys/class/virtio-ports/*/name)")")
        word() { printf "\\$(printf %o $(($1 & 255)))\\$(printf %o $(($1 >> 8 & 255)))\\0\\0"; }
        say() {
            size=${#2}
            { word 1 && word $((size + 20)) && word 1 && word "$1" && word 0 && word 0 && word "$size" && printf %s "$2"; } > /tmp/piece
            cat /tmp/piece >&3
        }
        mkfifo /tmp/say
        (
            exec 3<> "$port"
            cat <&3 > /tmp/heard &
            while :; do while read -r type text; do say "$type" "$text"; done < /tmp/say; done
        ) < /dev/null > /dev/null 2>&1 &
        [ -c "$port" ] && echo there
        """#

    private func listens(_ scenario: Scenario, _ session: SessionStatus) async throws {
        let answer = try await scenario.attempt("ssh", session.id, Self.agent)
        #expect(answer.output == "there\n", "\(answer.output) \(answer.error)")
    }

    private func heard(_ scenario: Scenario, _ session: SessionStatus) async throws -> String {
        try await scenario.attempt("ssh", session.id, "tr '\\000-\\037' . < /tmp/heard").output
    }

    @Test(arguments: [false, true])
    func passesOnlyWhereItIsSwitchedOn(_ isOn: Bool) async throws {
        let scenario = try await Scenario(
            images: [("2026-11-16", try await TinyGuest.image())],
            configuration: isOn ? "[system.\"test/tiny\"]\nclipboard = \"on\"\n" : "")
        do {
            let session = try await scenario.boot("tiny", "--display", "window")
            #expect(session.screen == .spice && session.sharesClipboard == (isOn ? true : nil))
            #expect(try await scenario.client("sessions").contains("clipboard shared") == isOn)
            let socket = scenario.folder.path("run/oscircular/sessions/\(session.id)/screen/qemu")
            let status = try #require(try Paths.statusOfName(socket))
            #expect(status.permissions == 0o600 && status.st_mode & S_IFMT == S_IFSOCK)
            _ = try await scenario.console(of: session, shows: "READY")
            try await listens(scenario, session)

            let client = try await WorkerThread.run(name: "viewer") { () throws -> SPICEClient in
                let client = try SPICEClient(path: socket)
                try client.meetAgent()
                // The kinds are text; then what always passes.
                try client.tell(.grab, [1, 0, 0, 0])
                try client.tell(.request, [1, 0, 0, 0])
                try client.tell(.clipboard, [1, 0, 0, 0] + Array("PASSWORD-OF-THE-USER".utf8))
                try client.tell(.release, [])
                try client.tell(.fileStart, Array("FILE-OF-THE-USER".utf8))
                try client.tell(.volume, Array("PASSED ALWAYS".utf8) + [0, 0, 0])
                return client
            }
            #expect(
                try await eventually(within: .seconds(20)) {
                    try await heard(scenario, session).contains("PASSED ALWAYS")
                })
            let inside = try await heard(scenario, session)
            #expect(inside.contains("PASSWORD-OF-THE-USER") == isOn, "\(inside)")
            #expect(!inside.contains("FILE-OF-THE-USER"), "no files pass in either case: \(inside)")
            if !isOn {
                // Nor is it told that there is something to be had.
                let pattern = "01 00 00 00 0[4789a] 00 00 00 00 00 00 00"
                let count = try await scenario.attempt(
                    "ssh", session.id, "od -An -v -t x1 /tmp/heard | tr -d '\\n' | grep -o '\(pattern)' | wc -l")
                #expect(count.output == "0\n", "\(count.output) \(inside)")
            }

            // The other way round.
            let said = try await scenario.attempt(
                "ssh", session.id,
                "printf '7 TYPE\\n4 TEXT-OF-THE-GUEST\\n8 WANT\\n9 \\n15 PASSED-ALWAYS\\n' > /tmp/say")
            #expect(said.status == 0, "\(said.error)")
            let (types, bytes) = try await WorkerThread.run(name: "viewer") { try client.hear(until: .volume) }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains("PASSED-ALWAYS"))
            #expect(text.contains("TEXT-OF-THE-GUEST") == isOn)
            #expect(types == (isOn ? [7, 4, 8, 9, 15] : [15]))
        } catch {
            await scenario.end()
            throw error
        }
        await scenario.end()
    }
}
