import Boot

/// The messages for what goes wrong with folders that are shared with guests.
extension ErrorReport {
    static func describe(_ error: ShareError) -> (Int32, String) {
        switch error {
        case .badName(let fault): return (ExitStatus.usage, "what is shared \(fault)")
        case .noSuchFolder(let path):
            return (ExitStatus.notFound, "there is no folder \(path) to share: make it, or leave out '--share'")
        case .notAFolder(let path):
            return (
                ExitStatus.notFound,
                "\(path) is not a folder, and only folders can be shared: share the one that it lies in"
            )
        case .noPermission(let path, let user, let toWrite):
            let act = toWrite ? "write to" : "read"
            let cure =
                toWrite
                ? "Add ':ro' to share it for reading only, or give \(user) the right"
                : "Give \(user) the right, or share another folder"
            return (ExitStatus.notPermitted, "the folder \(path) is not shared: \(user) may not \(act) it. \(cure)")
        case .refused(let path, let reason):
            return (ExitStatus.notPermitted, "the folder \(path) is not shared: \(reason)")
        case .noNetwork(let folder):
            return (
                ExitStatus.usage,
                "a guest that has no network by your settings gets no folder either: say '--network none' beside '--share \(folder.text)' "
                    + "if it is to have the folder all the same"
            )
        case .notAllowed(let question) where question.isReplaced == true:
            return (
                ExitStatus.notPermitted,
                "\(question.fact). Put the old one back, resume the guest in a terminal or the menu, which ask whether it gets this one, or go on "
                    + "without it by an empty '--share'"
            )
        case .notAllowed(let question):
            return (
                ExitStatus.notPermitted, "\(question.fact). '--allow-share' gives it the folder all the same"
            )
        case .failed(let path, let reason): return (ExitStatus.unavailable, "the folder \(path): \(reason)")
        case .server(let cause):
            let (code, text) = describe(cause)
            return (code, "the folder cannot be shared: \(text)")
        case .file(let cause): return describe(cause)
        case .ofSetting(let setting, .noSuchFolder(let path)):
            return (
                ExitStatus.notFound,
                "there is no folder \(path), which your setting \(setting) shares: make it, change the setting, or boot without it by an "
                    + "empty '--share'"
            )
        case .ofSetting(let setting, let cause):
            let (code, text) = describe(cause)
            return (code, "\(text); your setting \(setting) shares it, and an empty '--share' boots without it")
        case .notGivenBack(let loss):
            return (
                ExitStatus.unavailable,
                "\(loss.fact). Nothing was lost. 'oscircular resume --share '' \(loss.session)' goes on without it"
            )
        }
    }
}
