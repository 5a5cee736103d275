import Linux

/// Copies files of this host into a guest. Links below the folder that the user has named are not followed: they may lead out of it.
package final class Upload {
    private let server: SFTPConnection
    private let options: CopyOptions
    private let report: (CopyEvent) -> Void
    private var (done, total) = (UInt64(0), UInt64(0))
    private var (copied, leftOut) = (0, 0)

    package init(
        _ server: SFTPConnection, _ options: CopyOptions, report: @escaping (CopyEvent) -> Void
    ) {
        (self.server, self.options, self.report) = (server, options, report)
    }

    /// Copies a file or folder of this host's.
    /// - Parameters:
    ///   - source: may be a link, which stands for what it leads to.
    ///   - target: in the guest, from the login's home on where it does not begin with `/`: a folder for the copy, or its own path.
    /// - Throws: ``CopyError``.
    package func copy(_ source: String, to target: String) throws(CopyError) {
        guard let status = try here(source, { () throws(SystemCallError) in try Paths.status(source) }) else {
            throw .notFound(source)
        }
        let path = try place(for: source, target)
        switch status.kind {
        case .regular:
            let file = try here(source) { () throws(SystemCallError) in
                try FileHandle(source, for: .reading, [.nonblocking])
            }
            try copyFile(file, shown: source, to: path)
            copied += 1
        case .folder:
            guard options.isRecursive else { throw .isFolder(source) }
            let folder = try here(source) { () throws(SystemCallError) in try Folder(path: source) }
            try copyFolder(folder, status.permissions, shown: source, to: path, depth: 0)
        default: throw .isSpecial(source)
        }
        if leftOut > 0 { throw .incomplete(leftOut: leftOut, copied: copied) }
    }

    /// The copy's path in the guest.
    private func place(for source: String, _ target: String) throws(CopyError) -> [UInt8] {
        let path = Array(target.utf8)
        // Nothing is the login's home.
        let found = try asking { () throws(SFTPError) in
            try server.attributes(path.isEmpty ? Array(".".utf8) : path, follows: true)
        }
        guard found?.kind == .folder else {
            if target.hasSuffix("/") { throw .isNoFolder("\(target) in the guest") }
            return path
        }
        guard let name = CopyName.last(of: source) else { throw .needsName(source) }
        return CopyName.path(path, Array(name.utf8))
    }

    private func asking<Value>(_ body: () throws(SFTPError) -> Value) throws(CopyError) -> Value {
        do throws(SFTPError) { return try body() } catch { throw .remote(error) }
    }

    private func here<Value>(
        _ path: String, _ body: () throws(SystemCallError) -> Value
    ) throws(CopyError) -> Value {
        do throws(SystemCallError) { return try body() } catch {
            if error.isAbsent { throw .notFound(path) }
            throw .local(error)
        }
    }

    // MARK: Folders

    private func copyFolder(
        _ folder: Folder, _ permissions: FilePermissions, shown: String, to path: [UInt8], depth: Int
    ) throws(CopyError) {
        guard depth < CopyBounds.depth else {
            return leave(shown, CopyError.tooDeep(shown, limit: CopyBounds.depth).description)
        }
        do throws(SFTPError) {
            try server.makeFolder(path, permissions: UInt32(permissions & 0o777 | 0o700))
        } catch {
            // One that is there keeps what is in it.
            let found = try asking { () throws(SFTPError) in try server.attributes(path, follows: false) }
            guard found?.kind == .folder else { throw .remote(error) }
        }
        copied += 1
        let names = try here(shown) { () throws(SystemCallError) in try folder.names() }
        for name in names.sorted() {
            do throws(CopyError) {
                try copy(name, in: folder, shown: "\(shown)/\(name)", to: path, depth: depth)
            } catch {
                switch error {
                // The file's own; the others may be copied all the same.
                case .remote(.refused), .exists, .notFound, .changed: leave("\(shown)/\(name)", "\(error)")
                case .local(let cause) where cause.number == .accessDenied: leave("\(shown)/\(name)", "\(error)")
                default: throw error
                }
            }
        }
    }

    private func copy(
        _ name: String, in folder: Folder, shown: String, to path: [UInt8], depth: Int
    ) throws(CopyError) {
        // Bytes that are no UTF-8 were replaced when the name was read.
        if name.unicodeScalars.contains("\u{FFFD}") { return leave(shown, "its name is not written in UTF-8") }
        let own = CopyName.path(path, Array(name.utf8))
        guard let entry = try here(shown, { () throws(SystemCallError) in try folder.entry(name) }) else {
            throw .notFound(shown)
        }
        if entry.isFolder {
            let inner = try here(shown) { () throws(SystemCallError) in try folder.folder(name) }
            let mode = try here(shown) { () throws(SystemCallError) in try inner.status().permissions }
            try copyFolder(inner, mode, shown: shown, to: own, depth: depth + 1)
        } else if entry.isRegularFile {
            let file = try here(shown) { () throws(SystemCallError) in try folder.file(name, for: .reading) }
            try copyFile(file, shown: shown, to: own)
            copied += 1
        } else {
            leave(shown, "it is neither a file nor a folder; links are not followed here")
        }
    }

    private func leave(_ path: String, _ reason: String) {
        leftOut += 1
        report(.leftOut(path, reason: reason))
    }

    // MARK: Files

    private func copyFile(_ file: FileHandle, shown: String, to path: [UInt8]) throws(CopyError) {
        let found = try asking { () throws(SFTPError) in try server.attributes(path, follows: false) }
        if let found, !options.overwrites || found.kind == .folder {
            throw .exists("\(String(decoding: path, as: UTF8.self)) in the guest")
        }
        let status = try here(shown) { () throws(SystemCallError) in try file.status() }
        guard status.kind == .regular else { throw .isSpecial(shown) }
        let size = UInt64(clamping: status.size)
        let slash = path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? 0
        let partial = Array(path[..<slash]) + Array(PartialFile.randomName().utf8)
        let handle = try asking { () throws(SFTPError) in
            try server.open(
                partial, [.write, .create, .exclusive], permissions: UInt32(status.permissions & 0o777))
        }
        total += size
        let before = done
        do throws(CopyError) {
            try transfer(file, shown, size, handle)
            try asking { () throws(SFTPError) in
                try server.close(handle, of: path)
                try server.rename(partial, to: path, overwrites: options.overwrites)
            }
        } catch {
            (done, total) = (before, total - size)
            // A guest that is gone, or does not answer, keeps what had come.
            let isRemoved: Void? = try? server.whileCleaning { () throws(SFTPError) in try server.remove(partial) }
            if isRemoved == nil {
                report(.note("an unfinished copy stays in the guest: \(String(decoding: partial, as: UTF8.self))"))
            }
            throw error
        }
    }

    private func transfer(
        _ file: FileHandle, _ shown: String, _ size: UInt64, _ handle: SFTPConnection.Handle
    ) throws(CopyError) {
        var underWay: [UInt32: Int] = [:]
        var next: UInt64 = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: CopyBounds.piece, alignment: 16)
        defer { buffer.deallocate() }
        // The next file must not take the answers for its own: all are waited for.
        var failure: CopyError?
        while next < size && failure == nil || !underWay.isEmpty {
            while failure == nil, underWay.count < CopyBounds.pieces, next < size {
                let wanted = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<Int(min(UInt64(CopyBounds.piece), size - next))])
                let count = try here(shown) { () throws(SystemCallError) in
                    try file.read(into: wanted, at: Int(next))
                }
                guard count == wanted.count else {
                    failure = .changed(shown)
                    break
                }
                let number = try asking { () throws(SFTPError) in
                    try server.send(.write) {
                        $0.add(handle.bytes)
                        $0.add(next)
                        $0.add(wanted)
                    }
                }
                underWay[number] = count
                next += UInt64(count)
            }
            // It became shorter before anything of it was sent.
            if underWay.isEmpty { break }
            let answer = try asking { () throws(SFTPError) in try server.answer() }
            guard let count = underWay.removeValue(forKey: answer.number) else {
                throw .remote(.malformed("an answer to what nobody asked"))
            }
            do throws(SFTPError) {
                _ = try answer.expecting(.answer, "writing \(shown) in the guest")
            } catch {
                if failure == nil { failure = .remote(error) }
                continue
            }
            done += UInt64(count)
            report(.progress(done: done, total: total))
        }
        if let failure { throw failure }
    }
}
