import Formats
import FoundationEssentials
import Glibc
import Linux
import TestSupport
import Testing

@testable import GuestDomain

@Suite struct GuestSeedTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func seed(_ kind: GuestSeed.Kind, user: String = "debian", userData: String? = nil) throws -> GuestSeed {
        GuestSeed(
            kind: kind, user: user, authorizedKeys: ["ssh-ed25519 AAAA host"], passwordHash: "$6$salt$hash/.",
            instanceID: "oscircular-abc", hostName: "debian-13",
            userData: try userData.map { try UserData(Array($0.utf8)) })
    }

    private func refusal(_ body: () throws -> Void) -> String? {
        do { try body() } catch GuestDomainError.userDataRefused(let reason) { return reason } catch {}
        return nil
    }

    @Test func cloudInitGetsAVolumeAndWhereToLook() throws {
        let files = try seed(.nocloud).write(to: folder.path)
        #expect(files == GuestSeed.Files(diskPath: folder.path("seed"), serialNumber: "ds=nocloud"))
        #expect(try Paths.status(folder.path("seed"))?.permissions == 0o600)
        #expect(folder.names == ["seed"])
    }

    @Test func itsFilesSayWhoMayLogIn() throws {
        let config = CloudConfig(seed: try seed(.nocloud))
        #expect(
            config.metaData == """
                instance-id: oscircular-abc
                local-hostname: debian-13
                public-keys:
                  - "ssh-ed25519 AAAA host"

                """)
        #expect(
            try config.userData() == """
                #cloud-config
                ssh_pwauth: false
                disable_root: true
                user:
                  name: "debian"
                  sudo: "ALL=(ALL) NOPASSWD:ALL"
                  lock_passwd: false
                  hashed_passwd: "$6$salt$hash/."
                ssh_authorized_keys:
                  - "ssh-ed25519 AAAA host"

                """)
        #expect(try CloudConfig(seed: seed(.nocloud, user: "root")).userData().contains("disable_root: false\n"))
    }

    @Test func aHomeIsRootsMatterAtEachStartWhateverTheUsersPartSays() throws {
        var seed = try seed(.nocloud, userData: "#cloud-config\nusers: []\nmounts: []\n")
        let without = try CloudConfig(seed: seed).userData()
        let home = GuestHome(diskPath: "/homes/work.raw", user: "ann")
        seed.home = home
        #expect(try CloudConfig(seed: seed).userData() == without)
        let script = home.script(authorizedKey: "ssh-ed25519 AAAA host", passwordHash: "$6$salt$hash/.")
        #expect(CloudConfig(seed: seed).vendorData == "#cloud-boothook\n\(script)")
        #expect(try CloudConfig(seed: self.seed(.nocloud)).vendorData == nil)
        let disk = try #require(try seed.write(to: folder.path).diskPath)
        let volume = String(decoding: try FileContents.read(disk, limit: 1 << 24), as: UTF8.self)
        #expect(volume.contains("#cloud-boothook\n#!/bin/sh"))
        #expect(script.contains("name=ann number=1000 serial=oscircular-home\n"))
        #expect(script.contains("key='ssh-ed25519 AAAA host' hash='$6$salt$hash/.'\n"))
        #expect(script.hasPrefix("#!/bin/sh\n"))

        seed = try self.seed(.ignition)
        seed.home = home
        let ignition = try IgnitionConfig(seed: seed).text()
        #expect(ignition.contains("oscircular-home.service") && ignition.contains("/etc/oscircular/home"))
        #expect(try JSONDecoder().decode([String: Ignored].self, from: Data(ignition.utf8)).count == 4)
    }

    /// A template is nobody's, and its seed carries what puts it to sleep.
    @Test func aTemplateHasNobodysKeysAndWhatRunsInIt() throws {
        for (name, text) in [
            ("park-x86_64", "\u{7F}ELF"), ("park-before", "echo before\n"), ("park-after", "echo after\n"),
            ("oscircular-park.service", "ExecStart=/usr/local/lib/oscircular/park\n"),
        ] {
            #expect(
                try ParkFiles.find(for: .x86_64, in: [folder.path("none"), folder.path]) == nil, "\(name) is missing")
            _ = try folder.write(Array(text.utf8), to: name)
        }
        let park = try #require(try ParkFiles.find(for: .x86_64, in: [folder.path("none"), folder.path]))
        #expect(try ParkFiles.find(for: .aarch64, in: [folder.path]) == nil)
        var seed = GuestSeed(
            kind: .nocloud, user: "debian", authorizedKeys: [], passwordHash: nil, instanceID: "oscircular-template",
            hostName: "debian-13", park: park)
        let config = CloudConfig(seed: seed)
        #expect(config.metaData == "instance-id: oscircular-template\nlocal-hostname: debian-13\n")
        let userData = try config.userData()
        #expect(!userData.contains("authorized") && userData.hasSuffix("  lock_passwd: true\n"))
        let script = try #require(config.vendorData)
        #expect(script.hasPrefix("#cloud-boothook\n#!/bin/sh\n"))
        #expect(script.contains("<<'PARK'\nf0VMRg==\nPARK\n") && script.contains("<<'PARK'\necho before\nPARK\n"))
        seed.share = GuestShare(kind: .virtiofs, path: "/x", isReadOnly: false, socketPath: "/y")
        let both = try folder.write(Array(try #require(seed.startScript).utf8), to: "script")
        for (shell, arguments) in [("dash", ["-n", both]), ("bash", ["-n", both]), ("busybox", ["sh", "-n", both])] {
            guard ProgramPath.find(shell) != nil else { continue }
            let result = try ChildProcess.run(shell, arguments)
            #expect(result.ending == .exited(0) && result.text.isEmpty, "\(shell): \(result.text)")
        }
    }

    private struct Ignored: Decodable {}

    @Test func everyShellReadsTheScriptOfAHome() throws {
        let script = GuestHome(diskPath: "/x", user: "ann").script(authorizedKey: "a'b\nc", passwordHash: nil)
        #expect(script.contains("key='abc' hash=''"), "no key ends its quotes")
        let path = try folder.write(Array(script.utf8), to: "script")
        for (shell, arguments) in [("dash", ["-n", path]), ("bash", ["-n", path]), ("busybox", ["sh", "-n", path])] {
            guard ProgramPath.find(shell) != nil else { continue }
            let result = try ChildProcess.run(shell, arguments)
            #expect(result.ending == .exited(0) && result.text.isEmpty, "\(shell): \(result.text)")
        }
    }

    /// What another guest left in a home neither keeps the key out unnoticed nor holds up the start.
    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ("", Int32(0), "new"), ("mkdir .ssh; echo old > .ssh/authorized_keys; chmod 777 .ssh", 0, "old\nnew"),
            ("mkdir .ssh; echo 'x oscircular-host' > .ssh/authorized_keys", 0, "new"),
            ("mkdir -p .ssh/authorized_keys", 3, ""), ("mkdir .ssh; mkfifo .ssh/authorized_keys", 3, ""),
            ("mkdir .ssh; mkfifo .ssh/keys.oscircular", 0, "new"), ("mkdir -p .ssh/keys.oscircular", 3, ""),
            ("touch .ssh", 1, ""), ("mkdir .ssh; ln -s /dev/zero .ssh/authorized_keys", 3, ""),
        ])
    func aHostileFolderOfKeysIsSaid(_ preparation: String, _ code: Int32, _ keys: String) throws {
        let script = GuestHome(diskPath: "/x", user: "ann").script(authorizedKey: "new", passwordHash: nil)
        let begin = try #require(script.firstRange(of: "<<'SCRIPT'\n"))
        let end = try #require(script.firstRange(of: "\nSCRIPT\n"))
        let inside = "place=\(folder.path) key=new\n\(script[begin.upperBound..<end.lowerBound])\n"
        let prepared = try ChildProcess.run("sh", ["-c", "cd \(folder.path) && touch .profile\n\(preparation)"])
        try #require(prepared.ending == .exited(0), "\(prepared.text)")
        let result = try ChildProcess.run("sh", ["-c", inside])
        #expect(result.ending == .exited(code), "\(result.text)")
        guard code == 0 else { return }
        #expect(try FileContents.readText(folder.path(".ssh/authorized_keys"), limit: 99) == "\(keys)\n")
        #expect(try Paths.statusOfName(folder.path(".ssh"))?.permissions == 0o700)
    }

    @Test func aUsersPartComesAfterOurs() throws {
        let own = "#cloud-config\nssh_authorized_keys: []\n==oscircular==\n"
        let text = try CloudConfig(seed: seed(.nocloud, userData: own)).userData()
        #expect(text.hasPrefix("Content-Type: multipart/mixed; boundary=\""))
        let first = try #require(text.firstRange(of: "Content-Type: text/cloud-config"))
        let second = try #require(text.firstRange(of: "Content-Type: text/plain"))
        #expect(first.lowerBound < second.lowerBound)
        // A message of the user's stays one, and its lines end none of ours.
        let message =
            "Content-Type: multipart/mixed; boundary=\"==oscircular==\"\n\n--==oscircular==\n\n#!/bin/sh\n--==oscircular==--\n"
        let nested = try CloudConfig(seed: seed(.nocloud, userData: message)).userData()
        #expect(nested.contains(message))
        #expect(nested.hasPrefix("Content-Type: multipart/mixed; boundary=\"===oscircular===\"\n"))
    }

    @Test(arguments: [
        (GuestSeed.Kind.nocloud, "packages: [tree]\n", "#cloud-config"), (.ignition, "variant: fcos\n", "butane"),
        (.nuageinit, "#cloud-config\n", "#!"), (.credentials, "#cloud-config\n", "no program"),
    ])
    func whatASystemCannotTakeIsRefusedWithAWordOfHelp(kind: GuestSeed.Kind, text: String, word: String) throws {
        let reason = refusal { _ = try seed(kind, userData: text).write(to: folder.path) }
        #expect(reason?.contains(word) == true, "\(reason ?? "not refused")")
        #expect(folder.names == [])
    }

    @Test func userDataIsTextOfABoundedLength() throws {
        #expect(refusal { _ = try UserData(Array(repeating: 35, count: UserData.longest)) } == nil)
        #expect(
            refusal { _ = try UserData(Array(repeating: 35, count: UserData.longest + 1)) }?.contains("256 KiB") == true
        )
        #expect(refusal { _ = try UserData([0x1F, 0x8B, 8]) }?.contains("UTF-8") == true)
        #expect(refusal { _ = try UserData([35, 0]) } != nil)
        #expect(refusal { _ = try UserData(Array(" \n".utf8)) } == "it is empty")
        let path = try folder.write(Array(repeating: 35, count: UserData.longest + 1), to: "large")
        #expect(refusal { _ = try UserData.read(path) }?.contains("256 KiB") == true)
        // The longest fits on the volume whatever it becomes.
        let longest = "#!" + String(repeating: "x", count: UserData.longest - 2)
        for kind in [GuestSeed.Kind.nocloud, .nuageinit, .ignition] {
            let text = kind == .ignition ? "{" + longest.dropFirst() : longest
            _ = try seed(kind, userData: text).write(to: folder.path)
        }
    }

    @Test func ignitionGetsItsConfigurationThroughTheFirmware() throws {
        let own = #"{"ignition":{"version":"3.3.0"},"systemd":{"units":[]}}"#
        let files = try seed(.ignition, user: "core", userData: own).write(to: folder.path)
        #expect(files.diskPath == nil && files.serialNumber == nil)
        let entry = try #require(files.firmwareEntries.first)
        #expect(entry.name == "opt/com.coreos/config")
        #expect(try Paths.status(entry.path)?.permissions == 0o600)
        let config = try JSONDecoder().decode(Config.self, from: Data(FileContents.read(entry.path, limit: 1 << 20)))
        #expect(config.ignition.version == "3.3.0")
        let source = try #require(config.ignition.config?.merge.first?.source)
        #expect(Data(base64Encoded: String(source.dropFirst("data:;base64,".count))) == Data(own.utf8))
        let user = try #require(config.passwd.users.first)
        #expect(
            user == .init(name: "core", sshAuthorizedKeys: ["ssh-ed25519 AAAA host"], passwordHash: "$6$salt$hash/."))
        #expect(config.storage.files.map(\.path) == ["/etc/hostname", "/etc/ssh/sshd_config.d/10-oscircular.conf"])
    }

    private struct Config: Decodable {
        struct Ignition: Decodable {
            let version: String
            let config: Merging?
        }
        struct Merging: Decodable { let merge: [Source] }
        struct Source: Decodable { let source: String }
        struct Users: Decodable { let users: [User] }
        struct User: Decodable, Equatable {
            let name: String
            let sshAuthorizedKeys: [String]
            let passwordHash: String
        }
        struct Storage: Decodable { let files: [File] }
        struct File: Decodable { let path: String }

        let ignition: Ignition
        let passwd: Users
        let storage: Storage
    }

    @Test func systemdGetsCredentials() throws {
        let files = try seed(.credentials, user: "root").write(to: folder.path)
        #expect(
            files.firmwareEntries == [
                .init(name: "opt/io.systemd.credentials/system.hostname", path: folder.path("system.hostname")),
                .init(
                    name: "opt/io.systemd.credentials/passwd.hashed-password.root",
                    path: folder.path("passwd.hashed-password.root")),
            ])
        #expect(try FileContents.readText(folder.path("passwd.hashed-password.root"), limit: 99) == "$6$salt$hash/.")
    }

    /// The programs of FreeBSD that it calls are played by shell functions.
    @Test func freeBSDGetsAScriptThatDoesWhatItShould() async throws {
        let own = "#!/bin/sh\necho \"own $(id -u)\" >> \"$LOG\"\n"
        let script = try NuageinitScript(seed: seed(.nuageinit, user: "freebsd", userData: own)).userData()
        #expect(script.hasPrefix("#!/bin/sh\n"))
        let home = folder.path("home")
        try folder.write(Array("PasswordAuthentication yes\n".utf8), to: "sshd")
        let played = """
            pw() {
                case $1 in
                    usershow) [ -d \(home) ] && echo "freebsd:*:1:1::0:0:User:\(home):/bin/sh" ;;
                    useradd) mkdir -p \(home) ;;
                    usermod) echo "hash of $3: $(cat)" >> "$LOG" ;;
                esac
            }
            chown() { echo "chown $*" >> "$LOG"; }
            service() { echo "service $*" >> "$LOG"; }
            b64decode() { base64 -d; }
            mktemp() { command mktemp "\(folder.path)/own.XXXXXX"; }

            """
        let text = script.replacing("/etc/ssh/sshd_config", with: folder.path("sshd"))
        let path = try folder.write(Array((played + text).utf8), to: "script")
        let run = try await BuiltProgram.runAny(
            "sh", ["-eu", path], environment: ["PATH": "/usr/bin:/bin", "LOG": folder.path("log")])
        #expect(run.status == 0 && run.stderr.isEmpty, "\(run.stderr)")
        let log = try FileContents.readText(folder.path("log"), limit: 4096)
        #expect(log.contains("hash of root: $6$salt$hash/.\nhash of freebsd: $6$salt$hash/.\n"), "\(log)")
        #expect(log.hasSuffix("own \(geteuid())\n"), "\(log)")
        let keys = try FileContents.readText("\(home)/.ssh/authorized_keys", limit: 4096)
        #expect(keys == "ssh-ed25519 AAAA host\n")
        let sshd = try FileContents.readText(folder.path("sshd"), limit: 4096)
        #expect(
            sshd.hasPrefix("KbdInteractiveAuthentication no\nPasswordAuthentication no\nPermitRootLogin no\n"),
            "\(sshd)")
        #expect(sshd.hasSuffix("PasswordAuthentication yes\n"))
    }
}
