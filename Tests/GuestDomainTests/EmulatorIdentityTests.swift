import Glibc
import Testing

@testable import GuestDomain

@Suite struct EmulatorIdentityTests {
    private func capabilities(_ label: String) -> String {
        "<host><secmodel><model>dac</model><baselabel type='qemu'>\(label)</baselabel></secmodel></host>"
    }

    @Test func isReadFromTheSecurityModelOfFileOwnership() {
        let text = """
            <host><secmodel><model>apparmor</model><doi>0</doi><baselabel type='qemu'>x</baselabel></secmodel>
            <secmodel>
              <model>dac</model><doi>0</doi>
              <baselabel type='kvm'>+64055:+64055</baselabel>
              <baselabel type='qemu'>+64055:+107</baselabel>
            </secmodel></host>
            """
        let identity = EmulatorIdentity(capabilities: text)
        #expect(identity?.user == 64055)
        #expect(identity?.group == 107)
    }

    @Test func thereIsNoneWithoutThatModel() {
        #expect(EmulatorIdentity(capabilities: "<host><secmodel><model>none</model></secmodel></host>") == nil)
        #expect(EmulatorIdentity(capabilities: "") == nil)
    }

    @Test func aLabelThatIsNoPairOfNumbersGivesNone() {
        for label in ["", "64055", "+1:+2:+3", "qemu:kvm", "+-1:+2"] {
            let text = "<secmodel><model>dac</model><baselabel type='qemu'>\(label)</baselabel></secmodel>"
            #expect(EmulatorIdentity(capabilities: text) == nil, "\(label)")
        }
    }

    @Test func rootsOwnSessionAndAnEmulatorThatIsRootAreKnown() {
        let emulator = EmulatorIdentity(capabilities: capabilities("+64055:+107"))
        let root = EmulatorIdentity(capabilities: capabilities("+0:+0"))
        func isRoot(_ identity: EmulatorIdentity?, _ user: uid_t, _ uri: String = "qemu:///system") -> Bool {
            HypervisorConnection.isEmulatorRoot(uri: uri, identity: identity, ownUser: user)
        }
        #expect(emulator != nil && !isRoot(emulator, 0) && !isRoot(emulator, 1000))
        #expect(root != nil && isRoot(root, 0) && isRoot(root, 1000))
        #expect(isRoot(nil, 0) && !isRoot(nil, 1000) && !isRoot(nil, 0, "test:///default"))
        for uri in ["qemu:///session", "qemu+unix:///session?socket=/x", "qemu:///session#a"] {
            #expect(HypervisorConnection.isSession(uri))
        }
        for uri in ["qemu:///system", "qemu:///system?socket=/session", "test:///session"] {
            #expect(!HypervisorConnection.isSession(uri))
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root is refused its own session"))
    func rootIsRefusedItsOwnSession() async {
        let error = await #expect(throws: GuestDomainError.self) {
            try await HypervisorConnection.open("qemu:///session")
        }
        guard case .emulatorIsRoot("qemu:///session") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
