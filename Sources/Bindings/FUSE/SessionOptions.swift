/// How a ``SingleFileSession`` is mounted and served.
package struct SessionOptions: Sendable {
    /// Other users may read the file too, as its mode says; for root's mounts that QEMU's own user reads. A plain user needs
    /// `user_allow_other` in /etc/fuse.conf.
    package var allowOther: Bool
    /// Threads that take requests. They never wait for the network, so few are enough.
    package var threads: Int
    /// Kernel read-ahead in KiB, set where this process may (root).
    package var readAheadKiB: Int
    /// Direct reads are split and sent side by side: several times faster, but the kernel then tells nobody of a killed
    /// reader, which stays until its read is answered.
    package var parallelDirectReads: Bool

    package init(
        allowOther: Bool = false, threads: Int = 10, readAheadKiB: Int = 1024, parallelDirectReads: Bool = true
    ) {
        self.allowOther = allowOther
        self.threads = threads
        self.readAheadKiB = readAheadKiB
        self.parallelDirectReads = parallelDirectReads
    }
}
