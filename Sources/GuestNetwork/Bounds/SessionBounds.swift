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

    private struct State {
        var means: BoundsMeans
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
        state = Mutex(State(means: .best(name: name, record: record, limits, report)))
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

    // MARK: Limits of each process

    /// Connections of the guest at once.
    package var connectionLimit: Int { isPerProcess ? ProcessLimits.connections : 16 }

    /// What each process of a login may use; nil where the session's are counted.
    var processLimits: ProcessLimits? { isPerProcess ? ProcessLimits(sum: limits) : nil }

    /// Only each process is bounded, and not all of them together.
    var isPerProcess: Bool {
        state.withLock { if case .processes = $0.means { true } else { false } }
    }

    /// The control group; nil where there is none, or none yet: a scope is made around its first process.
    var group: ControlGroup? { state.withLock { $0.means.group } }

    // MARK: Processes

    /// Bounds a process that has just been started, and has started no others.
    /// - Throws: ``GuestNetworkError``: then it must be ended.
    package func place(_ process: ProcessID, _ role: Role) throws(GuestNetworkError) {
        do throws(SystemCallError) {
            try ResourceLimit.core.lower(to: 0, of: process)
            if role == .login {
                let own = processLimits
                try ResourceLimit.openFiles.lower(to: own?.files ?? 1024, of: process)
                if let own { try ResourceLimit.data.lower(to: own.data, of: process) }
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
                let new = try scope.place(process, isFreezable: role == .login, in: group, isMade: isMade, limits)
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
        if let group = state.means.group, group.setFrozen(state.isHeld) { return }
        guard state.isHeld else { return }
        state.refuses = true
        for login in state.logins { login.send(.kill) }
        state.logins = []
    }

    /// Lets logins that are held go on while something runs that waits for the end of some, which have been told to end.
    func whileThawed(_ body: () -> Void) {
        state.withLock { state in
            state.isThawed = true
            if state.isHeld { state.means.group?.setFrozen(false) }
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
