import Catalog
import GuestDomain
import GuestNetwork
import Linux

/// What a version's system learns at its first boot, and what this host keeps of it for whoever logs in: files of the session's folder,
/// which end with it.
struct SessionSeed: Sendable {
    let request: BootRequest
    let chosen: ChosenVersion
    let directory: SessionDirectory
    /// A file of the user's own orders for each system with cloud-init; nil for none.
    let usualUserData: String?
    /// The machine whose first boot it is, or was; nil for a guest that is thrown away.
    var machine: SessionMachine?

    /// Whether the orders for the first boot can be used.
    /// - Throws: ``GuestDomainError``, ``SystemCallError``.
    func check() throws { _ = try orders() }

    /// Writes the seed, the password for the console, and whom ssh logs in as. Takes milliseconds.
    /// - Parameters:
    ///   - authorizedKey: see ``GuestSeed/authorizedKeys``.
    ///   - home: see ``GuestSeed/home``.
    ///   - share: see ``GuestSeed/share``.
    /// - Returns: nil where the system asks for none.
    /// - Throws: ``GuestDomainError``, ``SystemCallError``.
    func write(
        authorizedKey: String, home: GuestHome? = nil, share: GuestShare? = nil
    ) throws -> GuestSeed.Files? {
        // A machine's is the same for ever: another one would mean another first boot.
        var identity =
            machine?.record?.identity
            ?? .make(hostName: SessionSeed.hostName(chosen.distribution.id), user: chosen.guest.user ?? "root")
        defer { machine?.keep(identity) }
        if identity.user != "root" {
            try AtomicFile.write("\(identity.user)\n", to: directory.userInGuest, mode: 0o600)
        }
        guard let (kind, userData) = try orders() else { return nil }
        var password = machine?.password
        if machine?.record == nil {
            let made = ConsolePassword.make()
            (password, identity.passwordHash) = (made, ConsolePassword.hash(made))
            try machine?.keep(password: made)
            if let userData { try machine?.keep(userData: userData) }
        }
        let seed = GuestSeed(
            kind: kind, user: identity.user, authorizedKeys: [authorizedKey], passwordHash: identity.passwordHash,
            // The overlay's: without a machine it is of this session alone.
            instanceID: machine == nil ? directory.domainName : identity.instanceID, hostName: identity.hostName,
            userData: userData, home: home, share: share)
        let files = try seed.write(to: directory.credentials)
        // Where a machine's file is gone, its guest knows the password still, and nobody else.
        if let password { try AtomicFile.write("\(password)\n", to: directory.password, mode: 0o600) }
        return files
    }

    /// What a guest is told that goes on from a warm state, in place of a seed and of credentials; writes the password for the console, and whom
    /// ssh logs in as. Takes milliseconds.
    /// - Throws: ``GuestDomainError``, ``SystemCallError``.
    func wakeOrder(_ credentials: GuestCredentials, home: GuestHome?, share: GuestShare?) throws -> WakeOrder {
        let kind = try orders()?.kind
        var identity = MachineRecord.Identity.make(
            hostName: SessionSeed.hostName(chosen.distribution.id), user: chosen.guest.user ?? "root")
        defer { machine?.keep(identity) }
        // It knows its card already.
        identity.mac = GuestSpecification.usualMAC
        if identity.user != "root" {
            try AtomicFile.write("\(identity.user)\n", to: directory.userInGuest, mode: 0o600)
        }
        var order = WakeOrder(
            seed: WakeOrder.randomSeed(), hostName: nil, user: identity.user,
            authorizedKey: credentials.authorizedKey, guestKey: credentials.guestKey,
            knownHosts: credentials.knownHosts)
        // Who is not told at its first boot keeps the name of its image.
        if kind == .nocloud || kind == .credentials {
            let password = ConsolePassword.make()
            identity.passwordHash = ConsolePassword.hash(password)
            (order.passwordHash, order.hostName) = (identity.passwordHash, identity.hostName)
            try machine?.keep(password: password)
            try AtomicFile.write("\(password)\n", to: directory.password, mode: 0o600)
        }
        if kind == .nocloud { order.instanceID = directory.domainName }
        order.home = home?.script(
            authorizedKey: credentials.authorizedKey, passwordHash: kind == .nocloud ? order.passwordHash : nil)
        order.share = share?.script
        return order
    }

    /// What the system asks for, and the user's own orders; nil where it asks for nothing.
    private func orders() throws -> (kind: GuestSeed.Kind, userData: UserData?)? {
        guard let kind = chosen.guest.seed.flatMap({ GuestSeed.Kind(rawValue: $0.rawValue) }) else {
            if request.userData != nil {
                throw GuestDomainError.userDataRefused("\(chosen.distribution.id) asks for none at its first boot")
            }
            return nil
        }
        if let machine, machine.record != nil { return (kind, try machine.userData()) }
        if let text = request.userData { return (kind, try UserData(Array(text.utf8))) }
        guard kind == .nocloud, let path = usualUserData else { return (kind, nil) }
        return (kind, try UserData.read(path))
    }

    /// A name of one label: a dot would begin a domain.
    static func hostName(_ distribution: String) -> String {
        let name = distribution.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
        let trimmed = name.prefix(63).drop { $0 == "-" }.reversed().drop { $0 == "-" }.reversed()
        return trimmed.isEmpty ? "guest" : String(trimmed)
    }
}

extension SessionDirectory {
    /// Whom ssh logs in as in the guest.
    package var loginUser: String {
        if case .ready(let user) = homeState { return user }
        return systemUser
    }

    /// Whom the system itself lets in.
    var systemUser: String {
        // Where nothing is said it is root.
        let text = (try? FileContents.readText(userInGuest, limit: 64)) ?? ""
        let user = text.filter { $0 != "\n" }
        return GuestSettings.isValid(user: user) ? user : "root"
    }

    /// The password for the guest's console; nil where none was made.
    /// - Throws: ``SystemCallError`` where it cannot be read.
    package func consolePassword() throws(SystemCallError) -> String? {
        do throws(SystemCallError) {
            return try FileContents.readText(password, limit: 256).filter { $0 != "\n" }
        } catch {
            if error.number == .noSuchFile { return nil }
            throw error
        }
    }
}
