/// How an image is mounted.
package struct MountOptions: Sendable {
    /// Other users may read it; for root's mounts that QEMU's own user reads.
    package var allowOther: Bool
    /// How long reads wait.
    package var read: ReadOptions
    /// The file's time, in seconds since 1970.
    package var modified: Int

    package init(allowOther: Bool = false, read: ReadOptions = ReadOptions(), modified: Int = 0) {
        self.allowOther = allowOther
        self.read = read
        self.modified = modified
    }
}
