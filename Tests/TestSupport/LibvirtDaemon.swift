import Glibc
import Libvirt
import Linux
import Synchronization

/// libvirt's system daemon for tests that boot a guest as root.
package enum LibvirtDaemon {
    package static let uri = "qemu:///system"

    // Held as long as the tests run: whether they run is asked of all before the first of them, and an idle daemon ends itself before the
    // first guest.
    private static let connection = Mutex<LibvirtConnection??>(nil)

    /// Whether qemu:///system answers; a daemon is started when none runs, and ends by itself when the tests are over.
    ///
    /// Waits for seconds at the first call.
    package static func isReady() -> Bool {
        connection.withLock { connection in
            if let connection { return connection != nil }
            let result = start() ? try? LibvirtConnection(uri: uri) : nil
            connection = .some(result)
            return result != nil
        }
    }

    /// The reason for the skip of a test that needs a guest.
    package static let reason: String = "a guest needs root, /dev/fuse, libvirtd, qemu-system-x86_64 and bwrap"

    private static func start() -> Bool {
        let programs = ["libvirtd", "virtlogd", "virsh", "qemu-system-x86_64", "bwrap", "sshd", "nginx"]
        guard geteuid() == 0, access("/dev/fuse", R_OK | W_OK) == 0,
            programs.allSatisfy({ ProgramPath.find($0) != nil })
        else { return false }
        // As udev would have it: else libvirt asks QEMU again what it can do before each guest, for a minute.
        var status = stat()
        if stat("/dev/kvm", &status) == 0, status.st_mode & 0o777 == 0o600, access("/run/udev/control", F_OK) != 0,
            let group = getgrnam("kvm")
        {
            chown("/dev/kvm", uid_t.max, group.pointee.gr_gid)
            chmod("/dev/kvm", 0o660)
        }
        if answers() { return true }
        // It ends itself when nobody has used it for a while; a test run that is killed leaves nothing for ever.
        // Without virtlogd, which systemd would start, libvirtd starts no guest. It must be there for longer.
        guard
            (try? daemon(["virtlogd", "--timeout", "3600"])) != nil,
            (try? daemon(["libvirtd", "--timeout", "120"])) != nil
        else { return false }
        for _ in 0..<120 {
            if answers() { return true }
            usleep(500_000)
        }
        return false
    }

    private static func answers() -> Bool {
        (try? quietly(["timeout", "20", "virsh", "-q", "-c", "qemu:///system", "version"]))?.wait() == .exited(0)
    }

    /// Waited for by a thread: the tests that expect a process to end wait for any child, and would see one that nobody collects for ever.
    private static func daemon(_ arguments: [String]) throws {
        let child = try quietly(arguments, newSession: true)
        try WorkerThread.start(name: arguments[0]) { child.wait() }
    }

    private static func quietly(_ arguments: [String], newSession: Bool = false) throws -> ChildProcess {
        try ChildProcess(
            ProgramPath.find(arguments[0]) ?? arguments[0], Array(arguments.dropFirst()),
            environment: nil, session: newSession ? .own : .inherited)
    }
}
