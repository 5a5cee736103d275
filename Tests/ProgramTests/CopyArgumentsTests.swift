import GuestNetwork
import SFTP
import Testing

@testable import Boot
@testable import oscircular

/// What `copy` takes for a path of a guest, and what is said of ports and copies that failed.
@Suite struct CopyArgumentsTests {
    @Test(arguments: [
        ("abcd1234:notes.txt", "abcd1234", "notes.txt"), ("a:", "a", ""), ("a:/etc/x:y", "a", "/etc/x:y"),
        ("a:b c", "a", "b c"),
    ])
    func aSessionAndAColonAreAPathOfAGuest(text: String, session: String, path: String) {
        #expect(GuestPath(text)?.session == session)
        #expect(GuestPath(text)?.path == path)
    }

    @Test(arguments: ["notes.txt", "./a:b", "/tmp/a:b", ":x", "", "dir/a:b"])
    func everythingElseIsThisHosts(text: String) { #expect(GuestPath(text) == nil) }

    @Test func oneOfBothIsInAGuest() throws {
        for arguments in [["a", "b"], ["a:x", "b:y"], ["a:", "b"]] {
            #expect(throws: (any Error).self) { try CopyCommand.parse(arguments) }
        }
        #expect(try CopyCommand.parse(["a:x", "b", "-r", "-f"]).recursive)
        #expect(try CopyCommand.parse(["b", "a:"]).force == false)
    }

    @Test func portsAreCheckedWithTheArguments() throws {
        #expect(throws: (any Error).self) { try PortsCommand.Add.parse(["id", "80"]) }
        #expect(throws: (any Error).self) { try PortsCommand.Add.parse(["id"]) }
        #expect(throws: (any Error).self) { try BootCommand.parse(["debian", "--publish", "0:80"]) }
        #expect(
            try BootCommand.parse(["debian", "--publish", "1:2", "--publish", "3:4/udp"]).publishing.publish.count == 2)
        #expect(try BootCommand.parse(["debian", "--publish", ""]).publishing.publish == [""])
    }

    @Test func exitCodesTellWhatToDo() throws {
        let port = try PublishedPort("8080:80")
        let codes: [(any Error, Int32)] = [
            (PortError.taken(port, by: nil), 75), (PortError.privileged(port, lowest: 1024), 77),
            (PortError.notThisHost(port), 69), (PortError.twice(port), 64), (BootError.isolatedPorts, 64),
            (CopyError.exists("x"), 73), (CopyError.noRoom("x", needed: 1), 73), (CopyError.remote(.noServer), 69),
            (CopyError.remote(.interrupted), 130), (CopyError.incomplete(leftOut: 1, copied: 2), 1),
            (CopyError.remote(.malformed("x")), 65), (SFTPError.noLogin(""), 69),
        ]
        for (error, code) in codes { #expect(ErrorReport(error).exitCode == code, "\(error)") }
    }
}
