/// The requests, one at a time. Paths are the guest's: bytes, from its login's home on where they do not begin with `/`.
extension SFTPConnection {
    /// A file or folder that the server has opened.
    struct Handle { let bytes: [UInt8] }

    struct OpenFlags: OptionSet {
        let rawValue: UInt32

        static let read = OpenFlags(rawValue: 1)
        static let write = OpenFlags(rawValue: 2)
        static let create = OpenFlags(rawValue: 8)
        static let exclusive = OpenFlags(rawValue: 0x20)
    }

    /// - Parameter follows: whether a link stands for what it leads to.
    /// - Returns: nil where nothing is there.
    func attributes(_ path: [UInt8], follows: Bool) throws(SFTPError) -> SFTPAttributes? {
        let answer = try ask(follows ? .status : .statusOfName) { $0.add(path) }
        do throws(SFTPError) {
            var body = try answer.expecting(.attributes, CopyName.shown(path))
            return try body.attributes()
        } catch {
            if case .refused(_, .noSuchFile) = error { return nil }
            throw error
        }
    }

    func attributes(_ handle: Handle, of path: [UInt8]) throws(SFTPError) -> SFTPAttributes {
        var body = try ask(.statusOfHandle) { $0.add(handle.bytes) }.expecting(.attributes, CopyName.shown(path))
        return try body.attributes()
    }

    /// - Parameter permissions: of a file that is made, before the guest's umask.
    func open(_ path: [UInt8], _ flags: OpenFlags, permissions: UInt32? = nil) throws(SFTPError) -> Handle {
        let answer = try ask(.open) {
            $0.add(path)
            $0.add(flags.rawValue)
            if let permissions { $0.add(permissions: permissions) } else { $0.add(UInt32(0)) }
        }
        return try handle(answer, path)
    }

    func openFolder(_ path: [UInt8]) throws(SFTPError) -> Handle {
        try handle(try ask(.openFolder) { $0.add(path) }, path)
    }

    private func handle(_ answer: SFTPAnswer, _ path: [UInt8]) throws(SFTPError) -> Handle {
        var body = try answer.expecting(.handle, CopyName.shown(path))
        let bytes = try body.text()
        // The protocol's own bound.
        guard bytes.count <= 256 else { throw .malformed("a handle of \(bytes.count) bytes") }
        return Handle(bytes: bytes)
    }

    /// The next names of a folder; nil at its end.
    func names(_ handle: Handle, of path: [UInt8]) throws(SFTPError) -> [(name: [UInt8], attributes: SFTPAttributes)]? {
        let answer = try ask(.readFolder) { $0.add(handle.bytes) }
        do throws(SFTPError) {
            var body = try answer.expecting(.names, CopyName.shown(path))
            let count = try body.number()
            // Each takes twelve bytes at least. Without any, there would be no end.
            guard count > 0, Int(count) <= body.count / 12 else {
                throw SFTPError.malformed("a list of \(count) names")
            }
            var names: [(name: [UInt8], attributes: SFTPAttributes)] = []
            for _ in 0..<count {
                let name = try body.text()
                _ = try body.text()
                names.append((name, try body.attributes()))
            }
            return names
        } catch {
            if case .refused(_, .endOfFile) = error { return nil }
            throw error
        }
    }

    func close(_ handle: Handle, of path: [UInt8]) throws(SFTPError) {
        _ = try ask(.close) { $0.add(handle.bytes) }.expecting(.answer, CopyName.shown(path))
    }

    func makeFolder(_ path: [UInt8], permissions: UInt32) throws(SFTPError) {
        _ = try ask(.makeFolder) {
            $0.add(path)
            $0.add(permissions: permissions)
        }.expecting(.answer, CopyName.shown(path))
    }

    func remove(_ path: [UInt8]) throws(SFTPError) {
        _ = try ask(.remove) { $0.add(path) }.expecting(.answer, CopyName.shown(path))
    }

    /// Gives a file another name.
    /// - Parameter overwrites: else it is an error where something has the name.
    func rename(_ old: [UInt8], to new: [UInt8], overwrites: Bool) throws(SFTPError) {
        let inOneStep = "posix-rename@openssh.com"
        if overwrites, extensions.contains(inOneStep) {
            let answer = try ask(.extended) {
                $0.add(inOneStep.utf8)
                $0.add(old)
                $0.add(new)
            }
            _ = try answer.expecting(.answer, CopyName.shown(new))
            return
        }
        // It may not be there.
        if overwrites { try? remove(new) }
        let answer = try ask(.rename) {
            $0.add(old)
            $0.add(new)
        }
        _ = try answer.expecting(.answer, CopyName.shown(new))
    }
}
