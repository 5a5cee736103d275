import CSlirp

/// One of libslirp's timers. The stack fires it; libslirp frees it through the callback.
final class SlirpTimer {
    /// What to call: libslirp gives a function (old interface) or a number that goes back to it.
    enum Action {
        case callback(SlirpTimerCb, UnsafeMutableRawPointer?)
        case identifier(SlirpTimerId, UnsafeMutableRawPointer?)
    }

    let action: Action
    /// Milliseconds of the stack's clock; nil when not set or already fired.
    var expires: Int64?

    init(action: Action) {
        self.action = action
    }
}
