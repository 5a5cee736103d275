import CLinux
import Glibc

/// This process.
package enum CurrentProcess {
    package static var id: ProcessID { getpid() }

    /// The process that started this one; 1 when that has ended.
    package static var parent: ProcessID { getppid() }

    /// Sets which permission bits new files lose. For a program's start: it is one for all threads.
    package static func setFileCreationMask(_ mask: FilePermissions) { umask(mask) }

    /// The path of the program that it runs; empty where /proc is not there.
    package static var programPath: String {
        // The doc comment says what it gives then.
        (try? Paths.target(ofLink: "/proc/self/exe")) ?? ""
    }

    /// The bytes of the working folder's path, which need not be UTF-8; nil when it has none any more.
    package static var workingFolder: [UInt8]? {
        guard let folder = getcwd(nil, 0) else { return nil }
        defer { free(folder) }
        return Array(UnsafeRawBufferPointer(start: folder, count: strlen(folder)))
    }

    /// Whether a process of this number runs, whoever's it is.
    package static func isRunning(_ process: ProcessID) -> Bool { kill(process, 0) == 0 || errno != ESRCH }

    /// Ends the process; what the C library has to write is written. What libraries registered for the end is not called: OpenSSL frees
    /// there what other threads, those of transfers, still use.
    package static func end(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }

    /// Ends the process at once: nothing is flushed, removed or said. For a signal that comes a second time.
    package static func endNow(_ code: Int32) -> Never { _exit(code) }

    /// The whole environment, as `NAME=value`.
    package static var environment: [String] {
        var entries: [String] = []
        var position = osc_environment()
        while let current = position, let entry = current.pointee {
            entries.append(String(cString: entry))
            position = current + 1
        }
        return entries
    }
}

/// The calling thread.
package enum CurrentThread {
    /// Gives the thread a new, empty session keyring (`man 7 session-keyring`), which the programs that it starts inherit.
    /// - Returns: false when this user has too many keys (EDQUOT), as happens in containers, whose users are counted together.
    /// - Throws: ``SystemCallError`` of `keyctl`; not where the kernel has no keyrings, nor where it lets us use none (in a container):
    ///   what we start may not either.
    package static func joinNewKeyring() throws(SystemCallError) -> Bool {
        try joinNewKeyring { osc_join_session_keyring() }
    }

    /// - Parameter call: -1 with `errno` where it fails.
    package static func joinNewKeyring(_ call: () -> Int32) throws(SystemCallError) -> Bool {
        do throws(SystemCallError) {
            try systemCall("keyctl") { call() }
            return true
        } catch  where error.number == .noSuchCall || error.number == .notPermitted {
            return true
        } catch  where error.number == .quotaExceeded {
            return false
        }
    }
}

/// The user that this process runs as.
package enum CurrentUser {
    package static var id: UserID { geteuid() }
    package static var group: GroupID { getegid() }
    package static var isRoot: Bool { geteuid() == 0 }
}

/// How many descriptors this process may hold open (RLIMIT_NOFILE).
package enum DescriptorLimit {
    /// Raises the soft limit to the hard one.
    /// - Returns: the soft limit now; 1024 when the kernel does not say.
    @discardableResult
    package static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var higher = limit
            higher.rlim_cur = limit.rlim_max
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &higher) == 0 { limit = higher }
        }
        return Int(clamping: limit.rlim_cur)
    }
}
