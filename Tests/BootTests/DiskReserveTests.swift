import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

@Suite struct DiskReserveTests {
    private func space(_ available: Int, of total: Int) -> FileSystemSpace {
        FileSystemSpace(total: total, available: available)
    }

    @Test func aTwentiethOfTheDiskIsReservedButNoMoreThanOneGiB() {
        let reserve = DiskReserve(setting: nil)
        #expect(reserve.forGuests(total: 10 << 30) == (10 << 30) / 20)
        #expect(reserve.forGuests(total: 1 << 40) == 1 << 30)
        #expect(reserve.forLogins(total: 10 << 30) == (10 << 30) / 20 * 4)
        #expect(reserve.forLogins(total: 1 << 40) == 4 << 30)
        let set = DiskReserve(setting: 5000)
        #expect(set.forGuests(total: 1 << 40) == 5000 && set.forLogins(total: 1 << 40) == 20_000)
        // Half of a disk is always the logins'.
        #expect(set.forLogins(total: 10_000) == 5000)
        #expect(DiskReserve(setting: .max).forLogins(total: 10_000) == 5000)
    }

    @Test func loginsStopBeforeGuestsAndBothGoOnOnceThereIsMoreThanJustTheReserve() {
        let reserve = DiskReserve(setting: 1000)
        var room = DiskReserve.Room()
        let steps: [(available: Int, guest: Bool, logins: Bool)] = [
            (9000, false, false), (4000, false, false), (3999, false, true), (1000, false, true), (999, true, true),
            (0, true, true), (1124, true, true), (1125, false, true), (4499, false, true), (4500, false, false),
        ]
        for step in steps {
            let now = space(step.available, of: 1_000_000)
            room = reserve.room(guests: now, logins: now, before: room)
            #expect(room == .init(stopsGuest: step.guest, stopsLogins: step.logins), "\(step)")
        }
        // Two disks: each for itself.
        room = reserve.room(guests: space(9000, of: 1_000_000), logins: space(10, of: 1_000_000), before: .init())
        #expect(room == .init(stopsGuest: false, stopsLogins: true))
        #expect(reserve.roomForLogins(space(9000, of: 1_000_000)) == 5000)
    }

    @Test func withoutAReserveNothingStops() {
        let none = space(0, of: 1000)
        #expect(DiskReserve(setting: 0).room(guests: none, logins: none, before: .init()) == .init())
    }

    @Test func aDiskIsLookedAtMoreOftenTheLessRoomItHas() {
        let reserve = DiskReserve(setting: 0)
        for (available, milliseconds) in [
            (1 << 40, 60_000), (20_000_000_000, 10_000), (2_000_000_000, 1000), (100_000_000, 50), (1, 20), (0, 1000),
        ] {
            let now = space(available, of: 1 << 41)
            #expect(reserve.pause(guests: now, logins: now, room: .init()) == Int32(milliseconds))
        }
    }

    @Test func aMarkThatIsPassedCallsForNoMoreLooks() {
        let reserve = DiskReserve(setting: 1 << 30)
        let (full, empty, total) = (space(1 << 20, of: 1 << 41), space(1 << 40, of: 1 << 41), 1 << 41)
        func pause(_ guests: FileSystemSpace, _ logins: FileSystemSpace) -> Int32 {
            let room = reserve.room(guests: guests, logins: logins, before: .init(stopsGuest: true, stopsLogins: true))
            return reserve.pause(guests: guests, logins: logins, room: room)
        }
        #expect(pause(full, full) == 1000)
        #expect(pause(empty, full) == 1000)
        // Little above the mark, and held until there is more.
        let held = space((4 << 30) + 1, of: total)
        #expect(pause(empty, held) == 1000)
        // The guest goes on, and must be stopped in time.
        let near = space((1 << 30) + (1 << 28), of: total)
        #expect(pause(near, near) == Int32((1 << 28) / 2_000_000))
    }

    @Test func filesAreReservedWhereTheyAreCounted() {
        func space(_ left: Int, of files: Int) -> FileSystemSpace {
            FileSystemSpace(total: 1 << 41, available: 1 << 40, files: files, availableFiles: left)
        }
        let reserve = DiskReserve(setting: nil)
        #expect(reserve.filesForLogins(space(0, of: 0)) == 0)
        #expect(reserve.filesForLogins(space(0, of: 8000)) == 1000)
        #expect(reserve.filesForLogins(space(0, of: 1 << 30)) == 65_536)
        var room = DiskReserve.Room()
        for (left, isShort) in [(1000, false), (999, true), (1124, true), (1125, false)] {
            let now = space(left, of: 8000)
            room = reserve.room(guests: now, logins: now, before: room)
            #expect(room == .init(stopsGuest: false, stopsLogins: isShort), "\(left)")
        }
        let near = space(65_536 + 50_000, of: 1 << 30)
        #expect(reserve.pause(guests: near, logins: near, room: .init()) == 100)
        #expect(!DiskReserve(setting: 0).room(guests: near, logins: space(0, of: 8000), before: .init()).isShort)
    }

    @Test(.enabled(if: geteuid() == 0, "SKIPPED: needs root to mount a small file system"))
    func aDiskThatFillsIsNoticed() throws {
        let folder = try TemporaryDirectory()
        #expect(
            try ChildProcess.run("/bin/mount", ["-t", "tmpfs", "-o", "size=32m", "none", folder.path]).ending
                == .exited(0))
        // A mount that stays would keep the folder.
        defer { _ = try? ChildProcess.run("/bin/umount", ["-l", folder.path]) }
        let rooms = Mutex<[DiskReserve.Room]>([])
        let left = Mutex<Int>(0)
        let watch = try SpaceWatch(
            DiskReserve(setting: 2 << 20), guests: folder.path, logins: folder.path + "/absent",
            roomForLogins: { bytes in left.withLock { $0 = bytes } },
            changed: { room in rooms.withLock { $0.append(room) } })
        defer { watch.close() }
        #expect(eventuallyBlocking { left.withLock { $0 } > 20 << 20 })
        func fill(_ mebibytes: Int) throws {
            _ = try ChildProcess.run("/bin/sh", ["-c", "head -c \(mebibytes)M /dev/zero > \(folder.path)/fill"])
        }
        try fill(27)
        #expect(eventuallyBlocking { rooms.withLock { $0.last } == .init(stopsGuest: false, stopsLogins: true) })
        try fill(31)
        #expect(eventuallyBlocking { rooms.withLock { $0.last } == .init(stopsGuest: true, stopsLogins: true) })
        Paths.removeIfPossible("\(folder.path)/fill")
        #expect(eventuallyBlocking { rooms.withLock { $0.last } == .init() })
    }
}
