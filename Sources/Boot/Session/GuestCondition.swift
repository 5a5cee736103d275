/// Whether a guest runs, waits or is paused, and which call to libvirt is due. A value: events in, decisions out.
///
/// QEMU pauses the guest when a read or write of its disk fails. There are two causes: a block that did not arrive (the reader
/// knows which ones), after which the guest goes on as soon as the blocks are stored; or anything else, such as a full disk of
/// the host, after which it is resumed at growing intervals. The user pauses it, too, and so does the session before the host's
/// disk is full. One call is made at a time, and the next
/// is only decided when it has ended: so the last one is always what the user wanted last.
struct GuestCondition: Sendable, Equatable {
    /// A call to libvirt that changes whether the guest runs.
    enum Call: Sendable, Equatable {
        case suspend, resume
    }

    /// The user or the program asked for the end.
    private(set) var isStopping = false
    /// The end was asked for by force.
    private(set) var isForced = false
    /// What the user wants.
    private(set) var isPausedByUser = false
    /// QEMU paused the guest because of its disk.
    private(set) var isPausedForError = false
    /// Blocks that reads gave up on have not arrived yet.
    private(set) var isStalled = false
    /// The host had no space for what the guest wrote, and the guest has not been seen running since.
    private(set) var isFull = false
    /// The disk that holds what the guest writes has less room than is reserved.
    private(set) var isOutOfRoom = false
    /// The guest is to be saved, or is being saved: it is paused for that.
    private(set) var isToBeSaved = false
    /// A pause that was asked for was carried out, and the guest has not been resumed since.
    private var isSuspended = false
    /// What libvirt is doing.
    private var call: Call?
    /// Whether the call under way is the user's wish, and not the reserve's.
    private var isUsersCall = false
    /// Whether QEMU paused the guest while libvirt was resuming it: that event comes before the call's end.
    private var isPausedAgain = false
    /// Resumptions in a row that ended in another pause, with no stall in between that explains it.
    private var fruitless = 0
    /// Suspensions in a row that libvirt did not carry out.
    private var refused = 0

    init() {}

    /// The longest wait between two tries, in seconds; a shorter one while the host's disk is full, because somebody is probably
    /// making room.
    private static let longestDelay = 30
    private static let longestDelayWhenFull = 5

    // MARK: What happens

    /// - Returns: false when that changes nothing.
    mutating func stopAsked(force: Bool) -> Bool {
        if isStopping && (isForced || !force) { return false }
        isForced = isForced || force
        isStopping = true
        return true
    }

    mutating func pauseAsked() {
        if !isStopping { isPausedByUser = true }
    }

    mutating func resumeAsked() {
        guard isPausedByUser else { return }
        isPausedByUser = false
        // The user wants it now, whatever failed before.
        fruitless = 0
    }

    mutating func saveAsked() {
        if !isStopping { isToBeSaved = true }
    }

    /// It goes on, or is told to end.
    mutating func saveEnded() {
        guard isToBeSaved else { return }
        isToBeSaved = false
        fruitless = 0
    }

    /// Whether it is paused so that it can be saved.
    var isReadyToBeSaved: Bool { isToBeSaved && isSuspended && call == nil }

    /// Whether it runs, as far as this program has a say in it.
    var isLetRun: Bool { !isStopping && !isSuspended && !isToBeSaved && call == nil }

    mutating func stallBegan() {
        isStalled = true
        fruitless = 0
    }

    mutating func stallEnded() {
        isStalled = false
        fruitless = 0
    }

    /// The host had no space for a write; ``guestPausedForError(blocksAreHere:)`` follows.
    mutating func diskFull() { isFull = true }

    /// The room on the host's disk has come to its reserve, or has left it.
    mutating func roomChanged(isOut: Bool) {
        // There is room now, whatever failed before.
        if isOutOfRoom && !isOut { fruitless = 0 }
        isOutOfRoom = isOut
        refused = 0
    }

    /// QEMU paused the guest for its disk.
    /// - Parameter blocksAreHere: no block is missing: a stall ended before this event arrived, or there was none.
    mutating func guestPausedForError(blocksAreHere: Bool) {
        isStalled = !blocksAreHere
        isPausedForError = true
        isPausedAgain = call == .resume
    }

    /// libvirt was asked, and says that the guest runs.
    mutating func guestSeenRunning() {
        // An answer from before a pause that is known by now means nothing.
        guard !isPausedForError && call == nil else { return }
        isFull = false
        fruitless = 0
    }

    /// A call was begun, as ``due`` asked.
    mutating func began(_ call: Call) {
        self.call = call
        isUsersCall = isPausedByUser
        isPausedAgain = false
    }

    /// The call has ended.
    mutating func ended(_ call: Call, isDone: Bool) {
        self.call = nil
        switch (call, isDone) {
        case (.suspend, true):
            isSuspended = true
            refused = 0
        case (.suspend, false):
            // The user sees that it did not work, and asks again; a pause that the user asked for meanwhile is made next.
            if isUsersCall { isPausedByUser = false }
            isToBeSaved = false
            refused += 1
        case (.resume, true):
            if isPausedForError { fruitless += 1 }
            isPausedForError = isPausedAgain
            isSuspended = false
        case (.resume, false): fruitless += 1
        }
    }

    // MARK: What follows

    /// The call to make, and how long to wait before it is decided again; nil when there is none now.
    var due: (call: Call, delay: Duration)? {
        guard !isStopping, call == nil else { return nil }
        if isPausedByUser || isToBeSaved { return isSuspended ? nil : (.suspend, .zero) }
        if isOutOfRoom {
            let longest = GuestCondition.longestDelayWhenFull
            return isSuspended ? nil : (.suspend, GuestCondition.delay(after: refused, longest: longest))
        }
        guard isSuspended || isPausedForError && !isStalled else { return nil }
        let longest = isFull ? GuestCondition.longestDelayWhenFull : GuestCondition.longestDelay
        return (.resume, GuestCondition.delay(after: fruitless, longest: longest))
    }

    /// Doubles with each try that failed, up to the longest.
    private static func delay(after failures: Int, longest: Int) -> Duration {
        failures == 0 ? .zero : .seconds(min(1 << min(failures - 1, 5), longest))
    }

    /// Whether reads of the disk may wait for their blocks. QEMU answers no call while one does, so before the guest is paused or
    /// forced off, those that wait are answered with an error, which the guest does not see.
    var readsMayWait: Bool {
        if isStopping { return !isForced && call != .suspend }
        return !(isPausedByUser || isToBeSaved || isOutOfRoom || call == .suspend || isSuspended && call != .resume)
    }

    /// What is shown to the user.
    var state: SessionStatus.State {
        if isStopping { return .stopping }
        if isToBeSaved { return .suspending }
        if isPausedByUser { return .paused }
        return isStalled || isPausedForError || isFull || isOutOfRoom ? .waiting : .running
    }

    /// What a guest that waits is waiting for.
    var waitingFor: SessionStatus.Wait? {
        guard state == .waiting else { return nil }
        return isFull || isOutOfRoom ? .space : isStalled ? .blocks : .disk
    }
}
