import Synchronization
import Testing

@testable import GuestDomain

/// When a guest's serial console shows that it has come to its login.
@Suite struct LoginPromptTests {
    private static func shows(_ text: String, inPiecesOf size: Int = .max) -> Bool {
        var prompt = LoginPrompt()
        var bytes = Array(text.utf8)[...]
        var isSeen = false
        while !bytes.isEmpty {
            let piece = bytes.prefix(size)
            bytes = bytes.dropFirst(piece.count)
            isSeen = prompt.take(piece) || isSeen
        }
        return isSeen
    }

    @Test(arguments: [
        "\r\nDebian GNU/Linux 13 debian ttyS0\r\n\r\ndebian login: ", "login: ",
        "FreeBSD/amd64 (host) (ttyu0)\r\n\r\nlogin: ", "\nlocalhost.localdomain login: ",
        // Logged in by itself, and a message of the kernel's in the same line.
        "\narchiso login: root (automatic login)\r\n", "\ndebian login: [   12.3] random: crng init done\r\n",
        // As agetty and systemd dress it.
        "\u{1b}[?2004l\r\u{1b}]0;debian\u{7}\u{1b}[1mdebian\u{1b}[0m login: ", "\nREADY\r\n", "READY\n",
    ])
    func aLoginIsFoundHoweverItComes(_ text: String) {
        for size in [1, 2, 3, 7, Int.max] { #expect(Self.shows(text, inPiecesOf: size), "\(text) by \(size)") }
    }

    @Test(arguments: [
        "", "\nlogin", "debian login:", "\nReached target login prompts.\n",
        "[  OK  ] Started systemd-logind login: x\n",
        "systemd-logind[1]: login: \n", "systemd: login: ", "Last login: Mon Nov 16\n", "READY", "NOT READY\n",
        "READY?\n",
        "READY \n", "  login: ", "\nPress enter to log in: ",
        // A name that nobody has.
        String(repeating: "x", count: 200) + " login: ", String(repeating: "login:", count: 40_000),
    ])
    func whatOnlyLooksLikeOneIsNone(_ text: String) {
        for size in [1, 5, Int.max] { #expect(!Self.shows(text, inPiecesOf: size), "\(text.prefix(80)) by \(size)") }
    }

    @Test func aLongLineHidesNoLoginInTheNext() {
        #expect(Self.shows(String(repeating: "a b", count: 100_000) + "\ndebian login: "))
    }

    @Test func aLoginIsToldOnceAndToWhoeverComesLate() {
        let told = Mutex(0)
        func say(_ text: String, _ watch: LoginWatch) { Array(text.utf8).withUnsafeBytes { watch.take($0) } }
        let watch = LoginWatch()
        watch.whenSeen { told.withLock { $0 += 1 } }
        say("\ndebian lo", watch)
        #expect(told.withLock { $0 } == 0)
        say("gin: ", watch)
        say("\nlogin: ", watch)
        #expect(told.withLock { $0 } == 1)
        let early = LoginWatch()
        say("\nlogin: ", early)
        early.whenSeen { told.withLock { $0 += 10 } }
        #expect(told.withLock { $0 } == 11)
    }
}
