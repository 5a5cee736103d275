import Linux

/// A process that holds a lock on a disk's file as QEMU does: of some bytes.
final class LockingQEMU {
    private let child: ChildProcess

    /// Returns when it holds the lock.
    init(_ disk: String) throws {
        let script = """
            import fcntl, struct, sys, time
            f = open(sys.argv[1], "r+b")
            fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 100, 1, 0))
            print("locked", flush=True)
            time.sleep(60)
            """
        let pipe = try Pipe()
        child = try ChildProcess("python3", ["-c", script, disk], standardOutput: pipe.writing.descriptor)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 1)
        defer { buffer.deallocate() }
        _ = try pipe.reading.receive(into: buffer)
    }

    func end() {
        child.send(.kill)
        child.wait()
    }
}
