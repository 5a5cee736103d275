import Glibc

/// The attributes of the one file and of its folder.
struct ServedFile: Sendable {
    static let directoryNumber: UInt64 = 1
    static let fileNumber: UInt64 = 2

    let name: String
    let size: UInt64
    let modified: Int
    private let owner = geteuid()
    private let group = getegid()

    init(name: String, size: UInt64, modified: Int) {
        self.name = name
        self.size = size
        self.modified = modified
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
            attributes.st_mode = S_IFDIR | 0o555
            attributes.st_nlink = 2
        case ServedFile.fileNumber:
            attributes.st_mode = S_IFREG | 0o444
            attributes.st_nlink = 1
            attributes.st_size = Int(size)
            attributes.st_blocks = Int((size + 511) / 512)
        default:
            return nil
        }
        return attributes
    }
}
