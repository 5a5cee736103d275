import Testing

@testable import FUSE

@Suite struct MountTableTests {
    @Test func readsMountPointsWithSpacesAndOptionalFields() {
        let text = """
            36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            90 35 0:52 / /run/a\\040b\\134c ro,nosuid,nodev - fuse.oscircular oscircular ro,user_id=0
            91 35 0:53 / /x rw shared:2 master:3 propagate_from:4 - tmpfs tmpfs rw
            broken line
            """
        let entries = MountTable.parse(text)
        #expect(entries.map(\.mountPoint) == ["/mnt2", "/run/a b\\c", "/x"])
        #expect(entries.map(\.fileSystem) == ["ext3", "fuse.oscircular", "tmpfs"])
        #expect(entries.map(\.device) == ["98:0", "0:52", "0:53"])
    }

    @Test func seesThisMachinesRoot() throws {
        #expect(try MountTable.entry(at: "/") != nil)
    }
}
