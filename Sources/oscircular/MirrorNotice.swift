import BlockStore

/// What the user hears of mirrors while a command runs.
enum MirrorNotice {
    /// Names a mirror that gave wrong bytes: it is broken or hostile, and only the user can do something about it. That one did not
    /// answer is no news while another does.
    static func show(_ failure: BlockStoreError) {
        if case .corrupt = failure { Terminal.note("oscircular: \(ErrorReport(failure).message)") }
    }
}
