import Linux
import Logind

/// When guests are suspended without being asked.
package enum SuspendMoment: String, Sendable, CaseIterable {
    case never
    /// When the machine goes to sleep.
    case sleep
    /// When their user logs out, and when the machine shuts down.
    case logout
    case both

    var isAtSleep: Bool { self == .sleep || self == .both }
    var isAtLogout: Bool { self == .logout || self == .both }
}

/// Has a guest suspended when logind says that its time has come. The machine waits for that as long as logind lets it wait.
final class LogindWatch: Sendable {
    private let stop: EventDescriptor
    private let ended: EventDescriptor

    /// Between two looks whether the guest goes on after all.
    private static let look: Int32 = 100

    /// - Parameters:
    ///   - suspend: has the guest suspended; the text says why, for the log. From a thread of its own.
    ///   - goesOn: whether the guest could not be suspended: then nobody waits for it.
    ///   - log: writes a line to the session's log.
    /// - Throws: ``SystemCallError`` when there is no thread for it.
    init(
        _ moment: SuspendMoment, suspend: @escaping @Sendable (String) -> Void,
        goesOn: @escaping @Sendable () -> Bool, log: @escaping @Sendable (String) -> Void
    ) throws(SystemCallError) {
        let (stop, ended) = (try EventDescriptor(), try EventDescriptor())
        (self.stop, self.ended) = (stop, ended)
        try WorkerThread.start(name: "logind") {
            defer { ended.signal() }
            do throws(SystemCallError) {
                try LogindWatch.follow(moment, until: stop, suspend, goesOn)
            } catch {
                let times = moment == .sleep ? "the machine sleeps" : "its user logs out or the machine sleeps"
                log("warning: the guest is not suspended when \(times): logind cannot be asked: \(error)")
            }
        }
    }

    /// Ends the thread, and with it the delay.
    func close() {
        stop.signal()
        ended.wait()
    }

    private static func follow(
        _ moment: SuspendMoment, until stop: EventDescriptor, _ suspend: (String) -> Void, _ goesOn: () -> Bool
    ) throws(SystemCallError) {
        let logind = try Logind()
        var held: FileHandle? = try delay(moment, logind)
        var isSuspending = false
        while true {
            while let event = try logind.next() {
                if let reason = try reason(event, moment, logind) {
                    isSuspending = true
                    suspend(reason)
                } else if event == .sleepEnded, held == nil {
                    // Whoever could not be suspended the last time is tried again.
                    held = try delay(moment, logind)
                }
            }
            if try isTold(to: stop, or: logind, within: isSuspending ? look : -1) { return }
            if isSuspending, goesOn() { (held, isSuspending) = (nil, false) }
        }
    }

    private static func delay(_ moment: SuspendMoment, _ logind: Logind) throws(SystemCallError) -> FileHandle {
        var what: Logind.Delay = []
        if moment.isAtSleep { what.insert(.sleep) }
        if moment.isAtLogout { what.insert(.shutdown) }
        return try logind.delay(what, who: "OS Circular", why: "a guest is being suspended")
    }

    /// Why the guest is to be suspended now; nil where it is not.
    private static func reason(
        _ event: Logind.Event, _ moment: SuspendMoment, _ logind: Logind
    ) throws(SystemCallError) -> String? {
        switch event {
        case .sleepBegins: return moment.isAtSleep ? "this machine goes to sleep" : nil
        case .shutdownBegins: return moment.isAtLogout ? "this machine shuts down" : nil
        case .sessionEnded:
            guard moment.isAtLogout, try logind.sessions(of: CurrentUser.id) == 0 else { return nil }
            return "its user has logged out"
        case .sleepEnded: return nil
        }
    }

    /// Waits for news of logind.
    /// - Returns: whether it is over.
    private static func isTold(
        to stop: EventDescriptor, or logind: Logind, within time: Int32
    ) throws(SystemCallError) -> Bool {
        var waiting = [PollSource(stop.descriptor), PollSource(logind.descriptor)]
        try PollSource.wait(for: &waiting, milliseconds: time)
        return waiting[0].hasNews
    }
}
