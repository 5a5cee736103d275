import Linux

/// Copies files from a guest, which may say anything: only new files and folders come into being, under names that this host allows, in the
/// folder that the user has named. No link is followed or made.
package final class Download {
    private let server: SFTPConnection
    private let options: CopyOptions
    private let report: (CopyEvent) -> Void
    private var (done, total) = (UInt64(0), UInt64(0))
    private var (copied, leftOut, names) = (0, 0, 0)

    package init(
        _ server: SFTPConnection, _ options: CopyOptions, report: @escaping (CopyEvent) -> Void
    ) {
        (self.server, self.options, self.report) = (server, options, report)
    }

    /// Copies a file or folder of the guest's.
    /// - Parameters:
    ///   - source: from the login's home on where it does not begin with `/`.
    ///   - target: a folder for it, or its own path.
    /// - Throws: ``CopyError``.
    package func copy(_ source: String, to target: String) throws(CopyError) {
        let path = Array(source.utf8)
        guard let found = try asking({ () throws(SFTPError) in try server.attributes(path, follows: false) }) else {
            throw .notFound("\(source) in the guest")
        }
        let place = try place(for: source, target)
        switch found.kind {
        case .regular:
            try copyFile(path, in: place.folder, as: place.name)
            copied += 1
        case .folder:
            guard options.isRecursive else { throw .isFolder(source) }
            try copyFolder(path, found, in: place.folder, as: place.name, depth: 0)
        case .link: throw .isLink(source)
        case .special, nil: throw .isSpecial(source)
        }
        if leftOut > 0 { throw .incomplete(leftOut: leftOut, copied: copied) }
    }

    /// The folder of this host in which the copy is made, and its name there.
    private func place(for source: String, _ target: String) throws(CopyError) -> (folder: Folder, name: String) {
        let isFolder = Folder.isFolder(target)
        if !isFolder, target.hasSuffix("/") { throw .isNoFolder(target) }
        let parent = isFolder ? target : Folder.parent(of: target) ?? "/"
        guard let name = isFolder ? CopyName.last(of: source) : CopyName.last(of: target) else {
            throw .needsName(isFolder ? source : target)
        }
        if let fault = CopyName.fault(of: Array(name.utf8)) { throw .refusedName(name, reason: fault) }
        do throws(SystemCallError) { return (try Folder(path: parent), name) } catch { throw .local(error) }
    }

    private func asking<Value>(_ body: () throws(SFTPError) -> Value) throws(CopyError) -> Value {
        do throws(SFTPError) { return try body() } catch { throw .remote(error) }
    }

    // MARK: Folders

    private func copyFolder(
        _ path: [UInt8], _ attributes: SFTPAttributes, in folder: Folder, as name: String, depth: Int
    ) throws(CopyError) {
        guard depth < CopyBounds.depth else {
            return leave(path, CopyError.tooDeep(CopyName.shown(path), limit: CopyBounds.depth).description)
        }
        let inner: Folder
        do throws(SystemCallError) {
            inner = try open(folder, name, attributes)
        } catch {
            guard [.isALink, .notAFolder, .fileExists].contains(error.number) else { throw .local(error) }
            return leave(path, "something else has the name here already")
        }
        let entries: [(name: [UInt8], attributes: SFTPAttributes)]
        do throws(CopyError) {
            entries = try list(path)
        } catch {
            guard case .remote(.refused) = error else { throw error }
            return leave(path, "\(error)")
        }
        copied += 1
        for entry in entries { try copy(entry, of: path, in: inner, depth: depth) }
    }

    /// A new folder, or one that is there: what is in it stays.
    private func open(
        _ folder: Folder, _ name: String, _ attributes: SFTPAttributes
    ) throws(SystemCallError) -> Folder {
        do throws(SystemCallError) {
            return try folder.makeFolder(
                name, mode: FilePermissions((attributes.permissions ?? 0o755) & 0o777 | 0o700))
        } catch  where error.number == .fileExists {
            return try folder.folder(name)
        }
    }

    /// The names in a folder, all of them, before anything is made of them.
    private func list(_ path: [UInt8]) throws(CopyError) -> [(name: [UInt8], attributes: SFTPAttributes)] {
        let handle = try asking { () throws(SFTPError) in try server.openFolder(path) }
        var entries: [(name: [UInt8], attributes: SFTPAttributes)] = []
        var here = 0
        while let more = try asking({ () throws(SFTPError) in try server.names(handle, of: path) }) {
            for entry in more {
                (names, here) = (names + 1, here + 1)
                // Those two are in every folder once; more of them count as any others.
                guard here <= CopyBounds.names.folder + 2, names <= CopyBounds.names.all else {
                    throw .tooMany(CopyName.shown(path), limit: CopyBounds.names.folder)
                }
                if entry.name == Array(".".utf8) || entry.name == Array("..".utf8) { continue }
                // Their number is bounded, and so must be what they take together.
                guard entry.name.count <= CopyName.longest else {
                    leave(CopyName.path(path, Array(entry.name.prefix(CopyName.longest))), CopyName.isTooLong)
                    continue
                }
                entries.append(entry)
            }
        }
        try asking { () throws(SFTPError) in try server.close(handle, of: path) }
        return entries
    }

    private func copy(
        _ entry: (name: [UInt8], attributes: SFTPAttributes), of path: [UInt8], in folder: Folder, depth: Int
    ) throws(CopyError) {
        let own = CopyName.path(path, entry.name)
        if let fault = CopyName.fault(of: entry.name) { return leave(own, fault) }
        let name = String(decoding: entry.name, as: UTF8.self)
        do throws(CopyError) {
            var found = entry.attributes
            if found.kind == nil {
                found = try asking { () throws(SFTPError) in
                    try server.attributes(own, follows: false) ?? SFTPAttributes()
                }
            }
            switch found.kind {
            case .regular:
                try copyFile(own, in: folder, as: name)
                copied += 1
            case .folder: try copyFolder(own, found, in: folder, as: name, depth: depth + 1)
            case .link: leave(own, "it is a link, and no link of a guest is followed")
            case .special, nil: leave(own, "it is neither a file nor a folder")
            }
        } catch {
            switch error {
            // The file's own; the others may be copied all the same.
            case .remote(.refused), .exists, .isSpecial, .changed: leave(own, "\(error)")
            default: throw error
            }
        }
    }

    private func leave(_ path: [UInt8], _ reason: String) {
        leftOut += 1
        report(.leftOut(String(decoding: path, as: UTF8.self), reason: reason))
    }

    // MARK: Files

    private func copyFile(_ path: [UInt8], in folder: Folder, as name: String) throws(CopyError) {
        let shown = String(decoding: path, as: UTF8.self)
        // Before all of it has come; it is looked at again when it gets its name.
        if !options.overwrites, try here(name, { () throws(SystemCallError) in try folder.entry(name) }) != nil {
            throw .exists(name)
        }
        let handle = try asking { () throws(SFTPError) in try server.open(path, .read) }
        let found = try asking { () throws(SFTPError) in try server.attributes(handle, of: path) }
        guard found.kind == .regular, let size = found.size, size <= UInt64(Int64.max) else {
            throw .isSpecial(shown)
        }
        // Unless the disk cannot be asked.
        if let space = try? FileSystemSpace(of: folder), UInt64(clamping: space.available) < size {
            throw .noRoom(name, needed: size)
        }
        let file = try here(name) { () throws(SystemCallError) in
            try PartialFile(in: folder, permissions: found.permissions ?? 0o600)
        }
        total += size
        let before = done
        do throws(CopyError) {
            try transfer(handle, shown, size, file)
        } catch {
            (done, total) = (before, total - size)
            switch error {
            // It goes on with other files.
            case .changed, .remote(.refused): try asking { () throws(SFTPError) in try server.close(handle, of: path) }
            default: break
            }
            throw error
        }
        let last = try asking { () throws(SFTPError) in try server.attributes(handle, of: path) }
        try asking { () throws(SFTPError) in try server.close(handle, of: path) }
        try here(name) { () throws(SystemCallError) in try file.finish(as: name, overwrites: options.overwrites) }
        if let now = last.size, now != size {
            report(
                .note(
                    "\(shown) changed its size while it was copied: the copy has the \(size) bytes that it had at first"
                ))
        }
    }

    /// Makes a call of this host's files.
    private func here<Value>(
        _ name: String, _ body: () throws(SystemCallError) -> Value
    ) throws(CopyError) -> Value {
        do throws(SystemCallError) { return try body() } catch {
            switch error.number {
            case .fileExists, .isAFolder, .folderNotEmpty: throw .exists(name)
            case _ where error.isOutOfSpace: throw .noRoom(name, needed: nil)
            default: throw .local(error)
            }
        }
    }

    /// Fetches as many bytes as the file had when it was opened: one that grows, or has no end, is cut there.
    private func transfer(
        _ handle: SFTPConnection.Handle, _ shown: String, _ size: UInt64, _ file: PartialFile
    ) throws(CopyError) {
        var underWay: [UInt32: (offset: UInt64, count: Int)] = [:]
        var (next, got) = (UInt64(0), UInt64(0))
        func request(_ offset: UInt64, _ count: Int) throws(SFTPError) {
            let number = try server.send(.read) {
                $0.add(handle.bytes)
                $0.add(offset)
                $0.add(UInt32(count))
            }
            underWay[number] = (offset, count)
        }
        func piece() throws(SFTPError) -> (offset: UInt64, bytes: [UInt8]) {
            while underWay.count < CopyBounds.pieces, next < size {
                let count = Int(min(UInt64(CopyBounds.piece), size - next))
                try request(next, count)
                next += UInt64(count)
            }
            let answer = try server.answer()
            guard let wanted = underWay.removeValue(forKey: answer.number) else {
                throw .malformed("an answer to what nobody asked")
            }
            var body = try answer.expecting(.data, CopyName.shown(Array(shown.utf8)))
            let bytes = try body.text()
            guard (1...wanted.count).contains(bytes.count) else {
                throw .malformed("\(bytes.count) bytes where \(wanted.count) were asked for")
            }
            // A server may give less than it was asked for; the rest is asked for again.
            if bytes.count < wanted.count {
                try request(wanted.offset + UInt64(bytes.count), wanted.count - bytes.count)
            }
            return (wanted.offset, bytes)
        }
        while got < size {
            let (offset, bytes): (UInt64, [UInt8])
            do throws(SFTPError) {
                (offset, bytes) = try piece()
            } catch {
                guard case .refused(_, let answer) = error else { throw .remote(error) }
                // The others' answers come still, and the next file must not take them for its own.
                while !underWay.isEmpty {
                    let late = try asking { () throws(SFTPError) in try server.answer() }
                    underWay[late.number] = nil
                }
                throw answer == .endOfFile ? CopyError.changed(shown) : CopyError.remote(error)
            }
            try here(shown) { () throws(SystemCallError) in try file.write(bytes, at: offset) }
            got += UInt64(bytes.count)
            done += UInt64(bytes.count)
            report(.progress(done: done, total: total))
        }
    }
}
