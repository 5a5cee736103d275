import Formats
import GuestDomain
import GuestNetwork
import Linux

/// What e2fsprogs does with homes.
extension HomeLibrary {
    /// What a check found.
    package struct Findings: Sendable, Hashable, Encodable {
        /// Whether something was wrong, and is right now.
        package let isRepaired: Bool
        /// In e2fsck's own words; may hold names that a guest chose.
        package let text: String
    }

    /// Checks a home's file system, and repairs what can be repaired without a loss.
    /// - Parameter repairs: everything is repaired, and label and number are set again; what no longer belongs to a file lies in `lost+found`
    ///   then. A backup is made first where there is room.
    /// - Throws: ``HomeError/damaged(_:findings:)`` when it needs `repairs`; ``HomeError``.
    package func check(_ name: KeptName, repairs: Bool = false) throws(HomeError) -> Findings {
        let files = files(name)
        guard exists(name) else { throw .noSuchHome(name, near: names) }
        let lock = try HomeLock.take(files, for: "homes check")
        defer { withExtendedLifetime(lock) {} }
        files.sweep()
        let disk = try files.open(files.disk)
        var record = record(files)
        guard repairs else {
            // What is no file system at all is not repaired without being asked.
            guard try header(of: disk) != nil else {
                throw .unusable(name, reason: "there is no ext4 file system on it")
            }
            let findings = try checkFileSystem(files.disk, files, repairs: false)
            try check(disk, name, record)
            return findings
        }
        // Without room for a backup it is repaired all the same: that is what was asked for.
        _ = try? backup(files, disk)
        try clearBeginning(disk)
        let findings = try checkFileSystem(files.disk, files, repairs: true)
        guard let header = try header(of: disk) else {
            throw .unusable(name, reason: "no ext4 file system was found on it")
        }
        let uuid = record?.uuid ?? RandomUUID.make()
        if header.label != HomeLibrary.label || header.uuid != uuid {
            try run(.tune, ["-L", HomeLibrary.label, "-U", uuid, FileSystemTool.disk], on: files.disk, files)
            // What it changes for another number it leaves to a check.
            _ = try checkFileSystem(files.disk, files, repairs: true)
        }
        if record == nil {
            let adopted = try adopt(files)
            try write(adopted, files)
            record = adopted
        }
        try check(disk, name, record)
        return findings
    }

    /// Lets a home hold more. The old one stays as it is until the larger one is whole.
    /// - Parameter size: bytes.
    /// - Throws: ``HomeError``.
    @discardableResult
    package func grow(_ name: KeptName, to size: UInt64) throws(HomeError) -> HomeSummary {
        let files = files(name)
        guard exists(name) else { throw .noSuchHome(name, near: names) }
        guard HomeLibrary.sizes.contains(size) else { throw .invalidSize(size, allowed: HomeLibrary.sizes) }
        let lock = try HomeLock.take(files, for: "homes grow")
        files.sweep()
        let disk = try files.open(files.disk)
        try check(disk, name, record(files))
        let now = UInt64(clamping: try HomeError.wrap { () throws(SystemCallError) in try disk.status().size })
        let wanted = size / 4096 * 4096
        guard wanted > now else { throw .notSmaller(name, size: now, wanted: size) }
        try appear(files.disk) { (temporary) throws(HomeError) in
            let larger = try copy(disk, to: temporary, files)
            _ = try checkFileSystem(temporary, files, repairs: false)
            try HomeError.wrap { () throws(SystemCallError) in try larger.truncate(to: Int(clamping: wanted)) }
            try run(.resize, [FileSystemTool.disk], on: temporary, files)
            try HomeError.wrap { () throws(SystemCallError) in try larger.sync() }
        }
        // Nobody has it any more.
        lock.end()
        return try home(name)
    }

    func makeFileSystem(_ path: String, _ uuid: String, _ files: HomeFiles) throws(HomeError) {
        try run(
            .make,
            [
                "-q", "-b", "4096", "-I", "256", "-m", "1", "-L", HomeLibrary.label, "-U", uuid,
                // Kernels of the systems that are booted, some years old, must be able to write to it.
                "-O", "^metadata_csum_seed,^orphan_file",
                // Its files lie in holes; and its first folder is the user's.
                "-E", "root_owner=\(GuestHome.userID):\(GuestHome.userID),assume_storage_prezeroed=1,nodiscard",
                FileSystemTool.disk,
            ], on: path, files)
    }

    /// - Throws: ``HomeError/damaged(_:findings:)`` where something is left that is wrong.
    private func checkFileSystem(_ path: String, _ files: HomeFiles, repairs: Bool) throws(HomeError) -> Findings {
        let finished = try start(.check, ["-f", repairs ? "-y" : "-p", FileSystemTool.disk], on: path, files)
        let text = finished.output.isEmpty ? finished.text : String(decoding: finished.output, as: UTF8.self)
        // Bits of e2fsck(8): 1 and 2 corrected, 4 left uncorrected.
        if case .exited(let code) = finished.ending, code & ~7 == 0 {
            guard code & 4 == 0 else { throw .damaged(files.name, findings: text) }
            return Findings(isRepaired: code != 0, text: text)
        }
        throw failure("e2fsck", finished, files)
    }

    /// Runs a program that ends with 0 when it has done its work.
    private func run(
        _ program: FileSystemTool.Program, _ arguments: [String], on path: String, _ files: HomeFiles
    ) throws(HomeError) {
        let finished = try start(program, arguments, on: path, files)
        guard finished.ending == .exited(0) else {
            let name =
                switch program {
                case .make: "mkfs.ext4"
                case .check: "e2fsck"
                case .resize: "resize2fs"
                case .tune: "tune2fs"
                }
            throw failure(name, finished, files)
        }
    }

    private func failure(_ name: String, _ finished: ChildProcess.Finished, _ files: HomeFiles) -> HomeError {
        if finished.ranOutOfTime { return .toolFailed(name, output: "it did not end in the time that it had") }
        // None of them says it by its exit code.
        if let space = try? FileSystemSpace(ofPath: files.folder), space.available < 4 << 20 {
            return .file(SystemCallError(.noSpace, call: "write", subject: files.folder))
        }
        return .toolFailed(name, output: "\(finished.ending)\(finished.text.isEmpty ? "" : ": \(finished.text)")")
    }

    /// In root's case the file is the program's own user's meanwhile.
    private func start(
        _ program: FileSystemTool.Program, _ arguments: [String], on path: String, _ files: HomeFiles
    ) throws(HomeError) -> ChildProcess.Finished {
        guard let status = try HomeError.wrap({ () throws(SystemCallError) in try Paths.statusOfName(path) }) else {
            throw .noSuchHome(files.name, near: [])
        }
        // A minute for each GB of data: slow disks read that much.
        let time = Duration.seconds(120 + status.allocated / 1_000_000_000 * 60)
        // Rounded up to whole blocks by mkfs and resize2fs.
        let limit = UInt64(clamping: status.size) + (1 << 20)
        do throws(GuestNetworkError) {
            guard CurrentUser.isRoot else {
                return try FileSystemTool(path: path, user: nil).run(program, arguments, sizeLimit: limit, within: time)
            }
            // Where none is to be had, it is one that runs nothing else that could reach this folder.
            let claimed = try? ClaimedUser.claim(
                name: "oscircular-homes", avoidingOwnersIn: [places.overlays, places.exchanges, places.homes])
            let user: SandboxUser
            if let own = claimed?.first { user = SandboxUser(number: own.id) } else { user = try SandboxUser.current() }
            defer { withExtendedLifetime(claimed) {} }
            do throws(SystemCallError) {
                try Paths.setOwner(path, user.uid, user.gid)
            } catch {
                throw .system(error)
            }
            // What stays another's is taken back when it is opened next.
            defer { try? Paths.setOwner(path, 0, 0) }
            return try FileSystemTool(path: path, user: user).run(program, arguments, sizeLimit: limit, within: time)
        } catch {
            throw .sandbox(error)
        }
    }

    /// Removes what was written before the file system.
    private func clearBeginning(_ disk: FileHandle) throws(HomeError) {
        try HomeError.wrap { () throws(SystemCallError) in
            try [UInt8](repeating: 0, count: 1024).withBytes { (bytes) throws(SystemCallError) in
                try disk.write(bytes, at: 0)
            }
        }
    }
}
