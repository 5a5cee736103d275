import FoundationEssentials
import TestSupport
import Testing

@testable import GuestDomain

/// How a folder of the host is described to libvirt, to QEMU and to the guest.
@Suite struct GuestShareTests {
    private static func share(
        _ kind: GuestShare.Kind, path: String = "/home/ann/src", isReadOnly: Bool = false,
        socket: String = "/run/osc/share"
    ) -> GuestShare {
        GuestShare(kind: kind, path: path, isReadOnly: isReadOnly, socketPath: socket)
    }

    private static func guest(_ share: GuestShare?) -> String {
        var guest = DomainXMLTests.disk
        guest.share = share
        return DomainXML.render(guest, labelsFiles: false)
    }

    @Test func onlyAGuestWithAServedFolderHasMemoryThatItsServerSees() {
        #expect(!Self.guest(nil).contains("memoryBacking"))
        #expect(!Self.guest(Self.share(.plan9)).contains("memoryBacking"))
        let served = Self.guest(Self.share(.virtiofs))
        #expect(
            served.contains(
                "</memory>\n  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>\n  <vcpu>"))
        // The folder itself is plugged in later: it would not be there when the guest's memory is continued.
        #expect(!served.contains("filesystem") && !served.contains("/home/ann/src"))
        #expect(served.contains("<qemu:arg value='pcie-root-port,id=osc-share-port,bus=pcie.0,addr=0x11,"))
    }

    /// What would end an option of QEMU's, or an attribute, is part of the name.
    @Test func aNameWithCommasQuotesAndSpacesStaysOneName() {
        let path = "/home/ann/a, readonly=off,'\"<b>&"
        let xml = Self.guest(Self.share(.plan9, path: path))
        #expect(xml.contains("<source dir='/home/ann/a, readonly=off,&apos;&quot;&lt;b&gt;&amp;'/>"))
        #expect(xml.contains("accessmode='mapped'") && !xml.contains("<readonly/></filesystem>"))
        let readOnly = Self.guest(Self.share(.plan9, path: path, isReadOnly: true))
        #expect(readOnly.contains("<target dir='oscircular-share'/><readonly/>"))
        #expect(readOnly.contains("accessmode='squash'"))
    }

    @Test func theServersSocketIsOneTextOfQEMUsCommand() throws {
        let socket = "/run/a \"b\\c\u{1}/share"
        for (command, _) in Self.share(.virtiofs, socket: socket).plugging {
            let object = try #require(try? JSONDecoder().decode(Command.self, from: Data(command.utf8)), "\(command)")
            if object.execute == "chardev-add" {
                #expect(object.arguments.backend?.data.addr.data.path == socket)
            } else {
                #expect(object.arguments.bus == "osc-share-port" && object.arguments.tag == "oscircular-share")
            }
        }
    }

    private struct Command: Decodable {
        struct Arguments: Decodable {
            struct Backend: Decodable {
                struct Socket: Decodable { let addr: Address }
                struct Address: Decodable { let data: Path }
                struct Path: Decodable { let path: String }
                let data: Socket
            }
            let backend: Backend?
            let bus: String?
            let tag: String?
        }
        let execute: String
        let arguments: Arguments
    }

    @Test func theGuestMountsItSoThatNobodyGetsRightsFromIt() {
        #expect(
            Self.share(.virtiofs).script.contains(
                "type=virtiofs tag=oscircular-share place=/mnt/host options=nosuid,nodev\n"))
        #expect(Self.share(.virtiofs, isReadOnly: true).script.contains("options=nosuid,nodev,ro\n"))
        #expect(Self.share(.plan9).script.contains("options=nosuid,nodev,trans=virtio,version=9p2000.L,"))
        // What is called how on the host is nothing that the guest must know.
        #expect(!Self.share(.virtiofs).script.contains("/home/ann"))
    }

    /// A seed has one place for both: the end of one is not the other's.
    @Test func aHomeAndAFolderComeByOneScript() async throws {
        let home = GuestHome(diskPath: "/homes/work.raw", user: "ann")
        var seed = GuestSeed(
            kind: .nocloud, user: "debian", authorizedKeys: ["ssh-ed25519 AAAA host"], passwordHash: nil,
            instanceID: "i", hostName: "h")
        #expect(seed.startScript == nil)
        seed.share = Self.share(.virtiofs)
        #expect(seed.startScript == seed.share?.script)
        #expect(CloudConfig(seed: seed).vendorData == "#cloud-boothook\n\(Self.share(.virtiofs).script)")
        seed.home = home
        let both = try #require(seed.startScript)
        let folder = try TemporaryDirectory()
        try folder.write(Array(both.utf8), to: "script")
        let checked = try await BuiltProgram.runAny("sh", ["-n", folder.path("script")])
        #expect(checked.status == 0, "\(checked.stderr)")
        seed.share = nil
        #expect(seed.startScript == home.script(authorizedKey: "ssh-ed25519 AAAA host"))
    }
}
