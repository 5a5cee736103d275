import FUSE
import Glibc
import Linux
import Testing

@Suite struct FUSECureTests {
    private func command(
        _ failure: Int32?, group: String? = nil, isRoot: Bool = false, hasHelper: Bool = true
    ) -> String {
        FUSECure.command(
            FUSECure.Facts(failure: failure, group: group, user: "ada", isRoot: isRoot, hasHelper: hasHelper))
    }

    @Test func aMissingDeviceNeedsItsModule() {
        #expect(command(ENOENT) == "sudo modprobe fuse")
        #expect(command(ENODEV, isRoot: true) == "modprobe fuse")
    }

    @Test func aDeniedDeviceIsOpenedToTheUserOrItsGroup() {
        #expect(command(EACCES) == "sudo chmod 0666 /dev/fuse")
        #expect(command(EACCES, group: "fuse") == "sudo usermod -a -G fuse ada, then log out and in again")
        // Only a container keeps a device from root.
        #expect(command(EPERM, isRoot: true).contains("--device /dev/fuse"))
        #expect(command(EPERM) == command(EPERM, isRoot: true))
        #expect(command(EMFILE) == "")
    }

    @Test(arguments: [
        ("user_allow_other\n", true), ("# user_allow_other\n", false), ("user_allow_others\n", false), ("", false),
        ("mount_max = 1\n  user_allow_other # yes\n", true),
    ])
    func aUserShowsMountsToOthersWhereFusermountAllowsIt(text: String, isAllowed: Bool) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/fuse.conf"
        #expect(!FUSECure.mayShowToOthers(path, isRoot: false))
        #expect(FUSECure.mayShowToOthers(path, isRoot: true))
        try AtomicFile.write(Array(text.utf8), to: path)
        #expect(FUSECure.mayShowToOthers(path, isRoot: false) == isAllowed)
    }

    @Test func aUserNeedsTheHelper() {
        #expect(command(nil, hasHelper: false) == "sudo apt install fuse3")
        #expect(command(nil, isRoot: true, hasHelper: false) == "")
        #expect(command(nil) == "")
    }
}
