import Boot

/// Suspending a guest, and going on with one.
extension MenuState {
    /// The guest that a key on this screen is about, where it is a suspended one.
    var chosenSuspended: Guest? { chosenGuest.flatMap { $0.isSuspended ? $0 : nil } }

    /// Suspends the chosen guest, or goes on with it.
    mutating func suspendOrResume() -> [MenuEffect] {
        guard let guest = chosenGuest else { return [] }
        if guest.isSuspended { return resume(guest) }
        if guest.status.phase < .up {
            say("\(guest.image.title) is still starting")
            return []
        }
        say(beingSuspended(guest))
        return [.order(.suspend, session: guest.id)]
    }

    /// Goes on with a suspended guest, from its memory unless only its disk is there.
    mutating func resume(_ guest: Guest) -> [MenuEffect] {
        if let launch = launches.values.first(where: { $0.session == guest.id && $0.isStarting }) {
            open(.launch(launch.number))
            return []
        }
        var wishes = BootWishes(start: guest.status.machine, home: guest.status.home)
        wishes.resumes = .init(session: guest.id, isCold: false)
        return boot(guest.image, wishes: wishes)
    }

    /// The launch found that the memory does not go on here.
    mutating func askCold(_ number: Int, _ misfit: SuspendMisfit) {
        guard let image = launches[number]?.image else { return }
        askAgain(
            number, image, "Start its disk cold?",
            "\(misfit.fact.prefix(1).uppercased())\(misfit.fact.dropFirst()). Its disk can be started as after a power cut; what was only "
                + "in its memory is lost then.", "Start it cold"
        ) { $0.resumes = .init(session: misfit.session, isCold: true) }
    }

    mutating func askForgetSuspended(_ guest: Guest) {
        let text =
            guest.status.machine.map {
                "Its memory is removed. The machine \($0) keeps its disk, as after a power cut."
            }
            ?? "Its memory and all that it wrote to its disk are removed for good."
        overlay = .dialog(
            Dialog(
                "Throw \(guest.image.title) away?", text,
                [Dialog.cancel(), .init(label: "Throw away", action: .forgetSuspended(guest.id))]))
    }

    /// Says that a key is for guests that run.
    mutating func saySuspended(_ guest: Guest) {
        say("\(guest.image.title) is suspended: S resumes it, x throws it away")
    }

    private func beingSuspended(_ guest: Guest) -> String { "\(guest.image.title): being suspended" }

    /// Says which guests were to be suspended and go on, and that the one is suspended which was just asked for, when that is new.
    mutating func sayNotSuspended(_ new: [Guest]) {
        for guest in new {
            if guest.isSuspended, message?.text == beingSuspended(guest) { saySuspended(guest) }
            guard let failure = guest.status.suspension?.failure,
                guests.first(where: { $0.id == guest.id })?.status.suspension?.failure != failure
            else { continue }
            say("\(guest.image.title) was not suspended: \(failure)", isFailure: true)
        }
    }
}

extension Guest {
    package var isSuspended: Bool { status.state == .suspended }
}

extension BootWishes {
    /// A suspended guest that goes on.
    package struct Resumption: Sendable, Hashable {
        /// The id that its session had and will have.
        package var session: String
        /// From its disk alone.
        package var isCold: Bool

        package init(session: String, isCold: Bool) { (self.session, self.isCold) = (session, isCold) }
    }
}
