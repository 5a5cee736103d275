import Testing

@testable import GuestDomain

@Suite struct EmulatorIdentityTests {
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
}
