import Linux

/// What each process of a guest's logins may use where nothing counts those of a session together: memory of all processes that are allowed
/// stays below the session's bound, and what the kernel holds for their sockets stays below it once more.
struct ProcessLimits: Sendable, Equatable {
    /// Connections of the guest at once.
    static let connections = 4
    /// Of all logins. 32 MiB each: with 8 MiB, sshd could not take a file by scp, nor git a push.
    static let mostProcesses = 32

    /// Bytes of memory of one process (RLIMIT_DATA).
    let data: Int
    /// Processes of one login (RLIMIT_NPROC), which a user's session counts for each login, and root's for the session.
    let processes = CurrentUser.isRoot ? mostProcesses : mostProcesses / connections
    /// Bytes of a login's stack, which ``data`` does not count. For `prlimit` inside: a process that has just been started takes the limit
    /// back at the end of its execve(2). A program's arguments may be a quarter of it.
    let stack = 2 << 20
    /// Open files of one process (RLIMIT_NOFILE). Each may be a socket, whose buffer no limit of a process counts: with the kernel's usual
    /// 208 KiB, which ``Seccomp/SystemCallFilter/sandbox(sharesMemory:makesFiles:)`` keeps it from making larger, and one message more it
    /// holds 416 KiB. Pipes are counted by the kernel for each user.
    let files = 64

    /// - Parameter sum: the session's bound.
    init(sum: ControlGroup.Limits) { data = sum.memory / Self.mostProcesses }

    /// For `prlimit` inside of the sandbox.
    var options: [String] { ["--nproc=\(processes)", "--stack=\(stack)"] }
}
