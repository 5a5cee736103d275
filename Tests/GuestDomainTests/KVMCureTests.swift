import GuestDomain
import Testing

@Suite struct KVMCureTests {
    private func command(
        exists: Bool = true, opens: Bool = false, flag: String? = "vmx", isMember: Bool = false
    ) -> String {
        KVMCure.command(
            KVMCure.Facts(exists: exists, opens: opens, flag: flag, user: "ada", isMember: isMember))
    }

    @Test func aUserOutsideTheGroupJoinsItByName() {
        #expect(command() == "sudo usermod -a -G kvm ada, then log out and in again")
    }

    @Test func aMemberWhoseLoginIsOlderLogsInAgain() {
        #expect(command(isMember: true).hasPrefix("log out and in again"))
    }

    @Test func aMissingDeviceNeedsTheModuleOfTheProcessor() {
        #expect(command(exists: false) == "sudo modprobe kvm_intel")
        #expect(command(exists: false, flag: "svm") == "sudo modprobe kvm_amd")
    }

    @Test func whereNothingHelpsNothingIsAdvised() {
        #expect(command(opens: true) == "")
        #expect(command(flag: nil) == "")
        #expect(command(exists: false, flag: nil) == "")
    }
}
