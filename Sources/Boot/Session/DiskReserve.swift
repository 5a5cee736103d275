import Linux

/// How much room guests leave on the disk that holds what they write: so much that neither the host nor another guest meets a full disk.
struct DiskReserve: Sendable, Equatable {
    /// What the room that is left means for a session.
    struct Room: Sendable, Equatable {
        /// Less than the reserve is left.
        var stopsGuest = false
        /// Little more than the reserve is left: that is for guests' disks, and not for what their logins store in the exchange folder.
        var stopsLogins = false

        var isShort: Bool { stopsGuest || stopsLogins }
    }

    /// Bytes, as the user set them; nil for a twentieth of the disk, 1 GiB at most.
    let setting: UInt64?

    /// Bytes that guests' disks leave free.
    /// - Parameter total: the size of the file system.
    func forGuests(total: Int) -> Int { setting.map { Int(clamping: $0) } ?? min(total / 20, 1 << 30) }

    /// Bytes that guests' disks may still grow by.
    func margin(_ space: FileSystemSpace) -> Int { space.available - forGuests(total: space.total) }

    /// Other guests must not meet a full disk for the sake of what is kept of one.
    /// - Parameter file: about to be written; its folder is there.
    /// - Throws: ``SystemCallError``.
    func checkRoom(for file: String) throws(SystemCallError) {
        let folder = file[..<(file.lastIndex(of: "/") ?? file.endIndex)]
        // A disk that cannot be looked at fails where it is written to.
        guard let space = try? FileSystemSpace(of: Folder(path: String(folder))), margin(space) < 0 else { return }
        throw SystemCallError(.noSpace, call: "write", subject: file)
    }

    /// Bytes that logins leave free: four times as much, so that no login's guest stops another guest.
    func forLogins(total: Int) -> Int { min(forGuests(total: total), total / 8) * 4 }

    /// Bytes that logins may still store.
    func roomForLogins(_ space: FileSystemSpace) -> Int { space.available - forLogins(total: space.total) }

    /// Files (inodes) that logins leave, where the file system counts them: for the host and for other guests. Without a reserve none.
    func filesForLogins(_ space: FileSystemSpace) -> Int { setting == 0 ? 0 : min(space.files / 8, 65_536) }

    /// - Parameters:
    ///   - guests: the file system of the guests' changes.
    ///   - logins: that of the exchange folder.
    ///   - before: what held until now: an eighth more must be free before it ends, or it would begin again at once.
    func room(guests: FileSystemSpace, logins: FileSystemSpace, before: Room) -> Room {
        func isShort(_ available: Int, _ mark: Int, _ wasShort: Bool) -> Bool {
            available < (wasShort ? mark + mark / 8 : mark)
        }
        return Room(
            stopsGuest: isShort(guests.available, forGuests(total: guests.total), before.stopsGuest),
            stopsLogins: isShort(logins.available, forLogins(total: logins.total), before.stopsLogins)
                || isShort(logins.availableFiles, filesForLogins(logins), before.stopsLogins))
    }

    /// Milliseconds until the next look: no disk takes more than 2 GB in a second, memory as a disk about as much, nor half a million new
    /// files; and a look costs microseconds, but wakes the processor. Who is stopped already uses nothing up, and may wait a second to go on.
    /// - Parameter room: what ``room(guests:logins:before:)`` said of the same look.
    func pause(guests: FileSystemSpace, logins: FileSystemSpace, room: Room) -> Int32 {
        var pauses = [60_000]
        if room.isShort || guests.available == 0 || logins.available == 0 { pauses.append(1000) }
        func add(_ left: Int, perMillisecond: Int) { pauses.append(max(left / perMillisecond, 20)) }
        if !room.stopsGuest, guests.available > 0 {
            add(guests.available - forGuests(total: guests.total), perMillisecond: 2_000_000)
        }
        if !room.stopsLogins, logins.available > 0 {
            add(roomForLogins(logins), perMillisecond: 2_000_000)
            let files = filesForLogins(logins)
            if files > 0 { add(logins.availableFiles - files, perMillisecond: 500) }
        }
        return Int32(clamping: pauses.min() ?? 1000)
    }
}

/// Looks at the room on a session's disks, on a thread of its own, until it is closed.
final class SpaceWatch: Sendable {
    private let stop: EventDescriptor
    private let ended: EventDescriptor

    /// - Parameters:
    ///   - guests: the folder of the guests' changes.
    ///   - home: the folder of the guest's home; nil for none.
    ///   - logins: the exchange folder.
    ///   - roomForLogins: hears at each look how many bytes logins may still store.
    ///   - changed: hears when what the room means has changed; at first nothing is short. It may wait.
    /// - Throws: ``SystemCallError`` when there is no thread for it.
    init(
        _ reserve: DiskReserve, guests: String, home: String? = nil, logins: String,
        roomForLogins: @escaping @Sendable (Int) -> Void,
        changed: @escaping @Sendable (DiskReserve.Room) -> Void
    ) throws(SystemCallError) {
        let (stop, ended) = (try EventDescriptor(), try EventDescriptor())
        (self.stop, self.ended) = (stop, ended)
        try WorkerThread.start(name: "space") {
            defer { ended.signal() }
            var room = DiskReserve.Room()
            while true {
                var pause: Int32 = 5000
                // A folder that cannot be looked at now changes nothing: it is looked at again.
                let spaces = [guests, home].compactMap(\.self).compactMap { try? FileSystemSpace(of: Folder(path: $0)) }
                if let guests = spaces.min(by: { reserve.margin($0) < reserve.margin($1) }) {
                    // The same disk, unless the user has moved it.
                    let logins = (try? FileSystemSpace(of: Folder(path: logins))) ?? guests
                    let now = reserve.room(guests: guests, logins: logins, before: room)
                    roomForLogins(reserve.roomForLogins(logins))
                    if now != room { changed(now) }
                    room = now
                    pause = reserve.pause(guests: guests, logins: logins, room: now)
                }
                if stop.wait(milliseconds: pause) { return }
            }
        }
    }

    /// Ends the thread; nothing is heard after that.
    func close() {
        stop.signal()
        ended.wait()
    }
}
