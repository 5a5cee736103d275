import Boot

/// What a launch waits for the user to say.
extension MenuState {
    /// The first boot of a system with a home waits for the user's word.
    mutating func ask(_ number: Int, _ question: HomeQuestion) {
        let image = VersionKey(
            catalog: question.catalog, distribution: question.distribution, version: question.version)
        askAgain(
            number, image, "Give \(image.distribution) the home \(question.home)?",
            "\(question.fact). You are asked once for this system.", "Boot with it"
        ) { $0.allowsHome = question }
    }

    /// A system that nobody has verified yet waits for the user's word.
    mutating func ask(_ number: Int, _ question: ShareQuestion) {
        let image = VersionKey(
            catalog: question.catalog, distribution: question.distribution, version: question.version)
        guard question.isReplaced == true else {
            return askAgain(
                number, image, "Share a folder with \(image.distribution)?", "\(question.fact).", "Boot with it"
            ) { $0.allowsShare = true }
        }
        let launched = launches[number]?.image ?? image
        var given = withdraw(number)
        var without = given
        (given.allowsShare, without.share) = (true, "")
        notices.append(
            Dialog(
                "Share another folder with \(image.distribution)?", "\(question.fact).",
                [
                    Dialog.cancel(), .init(label: "Go on without it", action: .boot(launched, without)),
                    .init(label: "Share it", action: .boot(launched, given)),
                ]))
    }

    /// A suspended guest whose folder is gone can go on without it.
    mutating func ask(_ number: Int, _ loss: ShareLoss) {
        guard let image = launches[number]?.image else { return }
        askAgain(
            number, image, "Go on without the folder?",
            "\(loss.fact.prefix(1).uppercased())\(loss.fact.dropFirst()). Nothing was lost.", "Go on without it"
        ) { $0.share = "" }
    }

    /// A machine is made of what cannot be verified before all of it is here only if the user wants that.
    mutating func askKeep(_ number: Int, _ boot: UnverifiedBoot) {
        let image = VersionKey(catalog: boot.catalog, distribution: boot.distribution, version: boot.version)
        askAgain(
            number, image, "\(boot.distribution) is not verified yet",
            "\(boot.fact.prefix(1).uppercased())\(boot.fact.dropFirst()). If it turns out wrong, the machine made of it is lost.",
            "Keep it all the same"
        ) { $0.keepsUnverified = true }
    }

    /// Takes a launch back, and asks whether it should begin again with a further wish.
    /// - Parameter image: what it boots, where the launch is gone.
    mutating func askAgain(
        _ number: Int, _ image: VersionKey, _ title: String, _ text: String, _ label: String,
        _ wish: (inout BootWishes) -> Void
    ) {
        let launched = launches[number]?.image ?? image
        var wishes = withdraw(number)
        wish(&wishes)
        notices.append(
            Dialog(title, text, [Dialog.cancel(), .init(label: label, action: .boot(launched, wishes))]))
    }

    /// On a metered connection, nobody fetches all of a base without being asked.
    mutating func askBase(_ image: VersionKey, _ wishes: BootWishes) {
        var (all, needed) = (wishes, wishes)
        (all.fetchesBase, needed.fetchesBase) = (true, false)
        let missing = version(image).map { " (up to \(Format.bytes($0.missing)))" } ?? ""
        overlay = .dialog(
            Dialog(
                "This connection is paid by the byte",
                "A machine is safe when all of its base\(missing) is here: its servers may not have it for ever. What its guest reads is "
                    + "fetched in any case.",
                [
                    .init(label: "Only what is read", action: .boot(image, needed)),
                    .init(label: "Fetch all of it", action: .boot(image, all)), Dialog.cancel(),
                ]))
    }

    /// Takes a launch back that the user has to be asked about.
    /// - Returns: what was wished for it.
    mutating func withdraw(_ number: Int) -> BootWishes {
        let wishes = launches[number]?.wishes ?? BootWishes()
        launches[number] = nil
        stack.removeAll { $0.screen == .launch(number) }
        settle()
        return wishes
    }
}
