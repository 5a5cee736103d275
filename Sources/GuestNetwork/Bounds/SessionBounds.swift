import Linux
import Synchronization

/// What one session's network process and logins of its guest may use of the host together: memory, processes, shares of processors and
/// disks. Neither QEMU nor libvirt's daemon belongs to them.
///
/// A scope of systemd where there is a manager to ask, else control groups of our own where this user may make them, else limits of each
/// process, whose sum stays below the bound.
package final class SessionBounds: Sendable {
    /// What a process is there for.
    package enum Role: Sendable {
        case network
        /// Serves the guest's ssh: it can be held, see ``SessionBounds/setHeld(_:)``.
        case login
    }

    /// What a session may use without settings: of memory 1 GiB, of processes and threads 512; half of the usual share.
    package static let standard = ControlGroup.Limits(memory: 1 << 30, processes: 512, weight: 50)

    /// How the session is bounded.
    private enum Means {
        /// The group is not known before the scope is made around its first process, and never where the kernel has version 1.
        case scope(SystemdScope, ControlGroup?, isMade: Bool)
        case group(ControlGroup)
        case processes
    }

    private struct State {
        var means: Means
        /// Logins are to wait.
        var isHeld = false
        /// They go on for a moment all the same, because they are being ended.
        var isThawed = false
        /// Logins are to wait, and could not be frozen.
        var refuses = false
        /// Where nothing else can hold or end them.
        var logins: [ProcessDescriptor] = []
        /// Bytes that logins may still store; nil when unknown.
        var room: Int?
        /// So often in a row the manager has not done what it was asked for.
        var failures = 0
    }

    /// A manager that fails so often in a row is asked no more.
    static let failureLimit = 3

    private let name: String
    private let record: String?
    private let limits: ControlGroup.Limits
    private let report: @Sendable (String) -> Void
    private let isThere: @Sendable (SystemdScope) -> Bool
    private let state: Mutex<State>
    /// Held while a process is placed: a manager that is asked may take seconds, for which nobody else is to wait.
    private let placing = Mutex(())

    /// - Parameters:
    ///   - name: of scope or group: nobody else's.
    ///   - record: a file that says what to remove when this process dies before it does, see ``clear(record:name:)``.
    ///   - report: hears why a better bound is not used.
    package init(
        name: String, record: String, limits: ControlGroup.Limits = standard,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        (self.name, self.record, self.limits, self.report) = (name, record, limits, report)
        isThere = \.hasManager
        state = Mutex(State(means: Self.scope(name, limits, report) ?? Self.ownGroup(name, record, limits, report)))
    }

    /// Only the limits of each process.
    package init() {
        (name, record, limits, report) = ("", nil, Self.standard, { _ in })
        isThere = \.hasManager
        state = Mutex(State(means: .processes))
    }

    /// By a scope that has been made before.
    /// - Parameter isThere: whether its manager is.
    init(
        scope: SystemdScope, isThere: @escaping @Sendable (SystemdScope) -> Bool = \.hasManager,
        report: @escaping @Sendable (String) -> Void
    ) {
        (name, record, limits, self.report) = ("", nil, Self.standard, report)
        self.isThere = isThere
        state = Mutex(State(means: .scope(scope, nil, isMade: true)))
    }

    /// Tried with a program that ends at once: a manager that refuses is to be known before it matters.
    private static func scope(
        _ name: String, _ limits: ControlGroup.Limits, _ report: (String) -> Void
    ) -> Means? {
        guard let scope = SystemdScope.current(name: name), let trial = SystemdScope.current(name: "\(name)-trial")
        else {
            return nil
        }
        do {
            try ChildProcess.held("/bin/true", []) { _ = try trial.start($0, limits) }.wait()
            return .scope(scope, nil, isMade: false)
        } catch {
            report(words(of: error))
            return nil
        }
    }

    private static func ownGroup(
        _ name: String, _ record: String?, _ limits: ControlGroup.Limits, _ report: (String) -> Void
    ) -> Means {
        var reason = "there are no control groups for memory and processes"
        if let record, let group = ControlGroup(name: name, in: .current()) {
            do throws(SystemCallError) {
                // First, so that there is no moment in which nobody knows of it.
                try AtomicFile.write(group.text, to: record, mode: 0o600)
                try group.create(limits)
                return .group(group)
            } catch {
                Paths.removeIfPossible(record)
                reason = "\(error)"
            }
        }
        report("what the guest's logins use is bounded for each process only, and not for the session: \(reason)")
        return .processes
    }

    // MARK: Limits of each process

    /// Connections of the guest at once.
    package var connectionLimit: Int { isPerProcess ? 4 : 16 }

    /// Processes of one login (RLIMIT_NPROC), which a user's session counts for each login, and root's for the session; nil
    /// where they are counted for the session.
    package var processLimit: Int? {
        isPerProcess ? (CurrentUser.isRoot ? Self.mostProcesses : Self.mostProcesses / connectionLimit) : nil
    }

    /// Bytes of memory of one process; nil where the session's are counted.
    var dataLimit: Int? { isPerProcess ? limits.memory / Self.mostProcesses : nil }

    /// Bytes of a login's stack, which ``dataLimit`` does not count; nil likewise. For `prlimit` inside: a process that has just been started
    /// takes the limit back at the end of its execve(2). A program's arguments may be a quarter of it.
    var stackLimit: Int? { isPerProcess ? 2 << 20 : nil }

    /// Of all logins, where the session's are not counted: so many times the limit of one is the session's bound.
    /// 32 MiB each: with 8 MiB, sshd could not take a file by scp, nor git a push.
    private static let mostProcesses = 32

    /// Only each process is bounded, and not all of them together.
    var isPerProcess: Bool {
        state.withLock { if case .processes = $0.means { true } else { false } }
    }

    /// The control group; nil where there is none, or none yet: a scope is made around its first process.
    var group: ControlGroup? {
        state.withLock {
            switch $0.means {
            case .group(let group): group
            case .scope(_, let group, _): group
            case .processes: nil
            }
        }
    }

    // MARK: Processes

    /// Bounds a process that has just been started, and has started no others.
    /// - Throws: ``GuestNetworkError``: then it must be ended.
    package func place(_ process: ProcessID, _ role: Role) throws(GuestNetworkError) {
        do throws(SystemCallError) {
            try ResourceLimit.core.lower(to: 0, of: process)
            if role == .login {
                try ResourceLimit.openFiles.lower(to: 1024, of: process)
                if let data = dataLimit { try ResourceLimit.data.lower(to: data, of: process) }
                if let fileLimit { try ResourceLimit.fileSize.lower(to: fileLimit, of: process) }
            }
        } catch {
            throw GuestNetworkError(error)
        }
        if role == .login { Self.preferForEnding(process) }
        let wasPerProcess = isPerProcess
        let failure: GuestNetworkError? = placing.withLock { _ in
            do throws(GuestNetworkError) {
                // Prepared for bounds that were lost while it waited: it has none of its own.
                if role == .login, wasPerProcess != isPerProcess { throw .held }
                try placeAlone(process, role)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
        guard role == .login else { return }
        let isRefused = state.withLock { state in
            if state.refuses { return true }
            state.logins.removeAll { $0.waitForEnd(milliseconds: 0) }
            if let descriptor = ProcessDescriptor(pid: process) { state.logins.append(descriptor) }
            return false
        }
        if isRefused { throw .held }
    }

    /// They share their memory's bound with the network's process, which is to be the last that the kernel ends for it.
    private static func preferForEnding(_ process: ProcessID) {
        // Without it the largest is ended, as everywhere.
        guard let file = try? FileHandle("/proc/\(process)/oom_score_adj", for: .writing) else { return }
        // As above.
        try? "500".withBytes { (bytes) throws(SystemCallError) in try file.write(bytes) }
    }

    /// Called by one thread at a time.
    private func placeAlone(_ process: ProcessID, _ role: Role) throws(GuestNetworkError) {
        switch state.withLock({ $0.means }) {
        case .group(let group):
            do throws(SystemCallError) {
                try group.add(process, freezable: role == .login)
            } catch {
                throw GuestNetworkError(error)
            }
        case .scope(let scope, let group, let isMade):
            do throws(GuestNetworkError) {
                let new = try place(process, role, scope, group, isMade)
                state.withLock { state in
                    state.means = .scope(scope, new, isMade: true)
                    state.failures = 0
                    // A scope that was made anew knows nothing of it.
                    if state.isHeld && !state.isThawed { Self.hold(&state) }
                }
            } catch {
                note(error, role, isLast: !isThere(scope))
                // A network without a bound is better than none; a login that was prepared for one is not.
                guard role == .network else { throw error }
            }
        case .processes: break
        }
    }

    /// A busy manager may do the next time what it has not done now. One that is gone, or fails again and again, is not asked any more: every
    /// try takes long.
    private func note(_ error: GuestNetworkError, _ role: Role, isLast: Bool) {
        let isGivenUp = state.withLock { state in
            state.failures += 1
            guard isLast || state.failures >= Self.failureLimit else { return false }
            state.means = .processes
            if state.isHeld { Self.hold(&state) }
            return true
        }
        if isGivenUp {
            report(
                "what the guest's logins use is bounded for each process only from now on, and not for the session: \(error)"
            )
        } else if role == .network {
            report("the network's process is not among what is bounded for the session: \(error)")
        }
    }

    /// How often in a row the manager has failed; a login that was refused because of it may be tried again.
    var failures: Int { state.withLock { $0.failures } }

    /// A scope ends with its last process, and is made anew by the next.
    private func place(
        _ process: ProcessID, _ role: Role, _ scope: SystemdScope, _ group: ControlGroup?, _ isMade: Bool
    ) throws(GuestNetworkError) -> ControlGroup? {
        let isFreezable = role == .login
        // It is not ours to move it there, as below, or there is no group any more.
        if let group, (try? group.add(process, freezable: isFreezable)) != nil { return group }
        // For a user whose session is not below the manager: that one may move it.
        let inner = isFreezable && group?.freezer != nil ? "/\(ControlGroup.innerName)" : ""
        // As above.
        if isMade, (try? scope.attach(process, inner: inner)) != nil { return group }
        let new = try start(process, scope, isFirst: !isMade)
        if isFreezable, new?.freezer != nil {
            // Without it the login is bounded all the same, and is ended where it should be frozen.
            if (try? new?.add(process, freezable: true)) == nil {
                try? scope.attach(process, inner: "/\(ControlGroup.innerName)")
            }
        }
        return new
    }

    /// - Parameter isFirst: else there was a scope of this name, which the manager may not have forgotten yet.
    private func start(
        _ process: ProcessID, _ scope: SystemdScope, isFirst: Bool
    ) throws(GuestNetworkError) -> ControlGroup? {
        let end = MonotonicClock.nanoseconds + 1_000_000_000
        while !isFirst, MonotonicClock.nanoseconds < end {
            do throws(GuestNetworkError) {
                return try scope.start(process, limits)
            } catch {
                // The last try's error is the one to report.
                MonotonicClock.pause(milliseconds: 50)
            }
        }
        return try scope.start(process, limits)
    }

    // MARK: Room

    /// Bytes of a file that a login makes longer; nil where the room is not known. It is never nothing, for logs are files, too.
    var fileLimit: Int? { state.withLock { $0.room }.map { max($0, 1 << 24) } }

    /// Says how much logins may still store, in bytes: no file that one makes longer passes it.
    package func setRoom(_ bytes: Int?) { state.withLock { $0.room = bytes } }

    /// Holds the logins where they are, or lets them go on. Where they cannot be frozen, they are ended, and refused until then.
    package func setHeld(_ isHeld: Bool) {
        state.withLock { state in
            state.isHeld = isHeld
            if !state.isThawed { Self.hold(&state) }
        }
    }

    private static func hold(_ state: inout State) {
        state.refuses = false
        switch state.means {
        case .group(let group), .scope(_, let group?, _):
            if group.setFrozen(state.isHeld) { return }
        case .scope, .processes: break
        }
        guard state.isHeld else { return }
        state.refuses = true
        for login in state.logins { login.send(.kill) }
        state.logins = []
    }

    /// Lets logins that are held go on while something runs that waits for the end of some, which have been told to end.
    func whileThawed(_ body: () -> Void) {
        state.withLock { state in
            state.isThawed = true
            guard state.isHeld else { return }
            switch state.means {
            case .group(let group), .scope(_, let group?, _): group.setFrozen(false)
            case .scope, .processes: break
            }
        }
        body()
        state.withLock { state in
            state.isThawed = false
            // It may have changed meanwhile.
            Self.hold(&state)
        }
    }

    // MARK: The end

    /// Ends what is left, and removes scope or group.
    package func close() {
        // A process that is being placed first, or its scope would be forgotten.
        placing.withLock { _ in closeAlone() }
    }

    private func closeAlone() {
        state.withLock { state in
            switch state.means {
            case .group(let group):
                guard group.remove(), let record else { return }
                Paths.removeIfPossible(record)
            case .scope(let scope, let group, let isMade):
                group?.setFrozen(false)
                // With its last process the scope ends by itself.
                if isMade, group?.members.isEmpty != true { scope.stop() }
            case .processes: break
            }
            state.means = .processes
        }
    }

    /// Removes what a session that died left, by its record.
    /// - Returns: whether nothing is left.
    @discardableResult
    package static func clear(record: String, name: String) -> Bool {
        // Without a record there is nothing; scopes end by themselves.
        guard let text = try? FileContents.readText(record, limit: 1 << 16),
            let group = ControlGroup(text: text, name: name)
        else { return true }
        return group.remove()
    }
}
