import CFUSE
import Glibc

/// What the kernel may ask. Every function runs on one of libfuse's threads and none of them waits.
extension FUSEMount {
    /// Bytes of the longest read that the kernel sends; must be both a mount option and in the connection.
    static let longestRead: UInt32 = 1_048_576
    /// Seconds for which the kernel keeps names and attributes: nothing of an image ever changes.
    private static let validity = 86400.0

    /// The table; libfuse copies it.
    static func operations() -> fuse_lowlevel_ops {
        var table = fuse_lowlevel_ops()
        table.`init` = { @Sendable session, connection in
            guard let session, let connection else { return }
            connection.pointee.max_read = FUSEMount.longestRead
            // Reads that wait for the network count as background ones: they must not use up what others need.
            connection.pointee.max_background = 256
            connection.pointee.congestion_threshold = 192
            let options = Unmanaged<FUSEMount>.fromOpaque(session).takeUnretainedValue().options
            osc_fuse_choose_capabilities(connection, options.parallelDirectReads ? 1 : 0)
        }
        table.lookup = { @Sendable request, parent, name in
            guard let request, let name else { return }
            FUSEMount.of(request).lookUp(request, parent: parent, name: String(cString: name))
        }
        table.getattr = { @Sendable request, number, _ in
            guard let request else { return }
            FUSEMount.of(request).replyAttributes(request, of: number)
        }
        table.open = { @Sendable request, number, information in
            guard let request, let information else { return }
            FUSEMount.open(request, number, information)
        }
        table.read = { @Sendable request, _, size, offset, _ in
            guard let request else { return }
            FUSEMount.of(request).read(request, offset: UInt64(clamping: offset), size: size)
        }
        table.readdir = { @Sendable request, number, size, offset, _ in
            guard let request else { return }
            FUSEMount.of(request).list(request, number: number, size: size, after: Int(offset))
        }
        table.statfs = { @Sendable request, _ in
            guard let request else { return }
            FUSEMount.of(request).replyFileSystem(request)
        }
        return table
    }

    /// The session lives until its loop has ended, so a pointer without ownership is enough.
    private static func of(_ request: fuse_req_t) -> FUSEMount {
        Unmanaged<FUSEMount>.fromOpaque(fuse_req_userdata(request)).takeUnretainedValue()
    }

    private func lookUp(_ request: fuse_req_t, parent: UInt64, name: String) {
        guard parent == ServedFile.directoryNumber, name == file.name,
            let attributes = file.attributes(of: ServedFile.fileNumber)
        else {
            fuse_reply_err(request, ENOENT)
            return
        }
        var entry = fuse_entry_param()
        entry.ino = fuse_ino_t(ServedFile.fileNumber)
        entry.attr = attributes
        entry.attr_timeout = FUSEMount.validity
        entry.entry_timeout = FUSEMount.validity
        fuse_reply_entry(request, &entry)
    }

    private func replyAttributes(_ request: fuse_req_t, of number: UInt64) {
        guard var attributes = file.attributes(of: number) else {
            fuse_reply_err(request, ENOENT)
            return
        }
        fuse_reply_attr(request, &attributes, FUSEMount.validity)
    }

    private static func open(
        _ request: fuse_req_t, _ number: fuse_ino_t, _ information: UnsafeMutablePointer<fuse_file_info>
    ) {
        if number != ServedFile.fileNumber {
            fuse_reply_err(request, EISDIR)
        } else if information.pointee.flags & O_ACCMODE != O_RDONLY || information.pointee.flags & O_TRUNC != 0 {
            fuse_reply_err(request, EROFS)
        } else {
            osc_fuse_keep_cache(information)
            fuse_reply_open(request, information)
        }
    }

    private func read(_ request: fuse_req_t, offset: UInt64, size: Int) {
        guard offset < file.size, size > 0 else {
            fuse_reply_buf(request, nil, 0)
            return
        }
        if isBroken.load(ordering: .sequentiallyConsistent) {
            fuse_reply_err(request, ENOTCONN)
            return
        }
        let size = Int(min(UInt64(size), file.size - offset))
        let answerLater = reader.read(offset: offset, size: size) { bytes in
            // An error means that the reader or the mount is gone: nobody is left to tell.
            _ = fuse_reply_buf(request, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        guard let answerLater else { return }
        let answer = PendingAnswer(request: request, outstanding: outstanding)
        // Asked after the answer was registered, so that a forced unmount misses none.
        if isBroken.load(ordering: .sequentiallyConsistent) { answer.fail(ENOTCONN) }
        // Always: the reader may have begun something for it that only this ends.
        answerLater(ReadRequest(offset: offset, size: size, answer: answer))
    }

    private func list(_ request: fuse_req_t, number: UInt64, size: Int, after offset: Int) {
        guard number == ServedFile.directoryNumber else {
            fuse_reply_err(request, ENOTDIR)
            return
        }
        let names = [
            (".", ServedFile.directoryNumber), ("..", ServedFile.directoryNumber), (file.name, ServedFile.fileNumber),
        ]
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: max(size, 1))
        defer { buffer.deallocate() }
        var used = 0
        for (position, (name, number)) in names.enumerated().dropFirst(max(offset, 0)) {
            guard var attributes = file.attributes(of: number) else { continue }
            let needed = fuse_add_direntry(request, buffer + used, size - used, name, &attributes, off_t(position + 1))
            if needed > size - used { break }
            used += needed
        }
        fuse_reply_buf(request, buffer, used)
    }

    private func replyFileSystem(_ request: fuse_req_t) {
        var status = statvfs()
        status.f_bsize = 4096
        status.f_frsize = 4096
        status.f_blocks = UInt((file.size + 4095) / 4096)
        status.f_files = 2
        status.f_namemax = 255
        fuse_reply_statfs(request, &status)
    }
}

/// The attributes of the one file and of its folder.
struct ServedFile: Sendable {
    static let directoryNumber: UInt64 = 1
    static let fileNumber: UInt64 = 2

    let name: String
    let size: UInt64
    let modified: Int
    private let owner: uid_t
    private let group = getegid()
    /// Permission bits that are left to folder and file.
    private let mask: mode_t

    init(name: String, size: UInt64, modified: Int, readers: FUSEMount.Readers) {
        self.name = name
        self.size = size
        self.modified = modified
        if case .user(let user) = readers {
            (owner, mask) = (user, 0o700)
        } else {
            (owner, mask) = (geteuid(), 0o777)
        }
    }

    /// Nil for any other inode number.
    func attributes(of number: UInt64) -> stat? {
        var attributes = stat()
        attributes.st_ino = UInt(number)
        attributes.st_uid = owner
        attributes.st_gid = group
        attributes.st_mtim.tv_sec = modified
        attributes.st_ctim.tv_sec = modified
        attributes.st_atim.tv_sec = modified
        attributes.st_blksize = 4096
        switch number {
        case ServedFile.directoryNumber:
            attributes.st_mode = S_IFDIR | (0o555 & mask)
            attributes.st_nlink = 2
        case ServedFile.fileNumber:
            attributes.st_mode = S_IFREG | (0o444 & mask)
            attributes.st_nlink = 1
            attributes.st_size = Int(size)
            attributes.st_blocks = Int((size + 511) / 512)
        default:
            return nil
        }
        return attributes
    }
}
