import GuestNetwork
import Linux

/// Why a guest does not get a folder of the host.
package enum ShareError: Error, Sendable {
    /// What the user typed names no folder; why, as a phrase that begins with "must".
    case badName(String)
    /// It is not there.
    case noSuchFolder(String)
    case notAFolder(String)
    /// The user whose rights count may not read it, or not write to it.
    case noPermission(String, user: String, toWrite: Bool)
    /// No guest gets this folder; why, as a clause.
    case refused(String, reason: String)
    /// Nobody said that a guest without a network is to have it all the same.
    case noNetwork(SharedFolder)
    /// The user has not allowed the system to have it.
    case notAllowed(ShareQuestion)
    /// It could not be mounted, or taken away; why.
    case failed(String, reason: String)
    case server(GuestNetworkError)
    case file(SystemCallError)
    /// The folder that a setting of this name gives to all guests of a system.
    indirect case ofSetting(String, ShareError)
    /// The folder that a suspended guest had; why it does not get it back.
    case notGivenBack(ShareLoss)
}

extension ShareError {
    /// Why a guest does not get the folder, as a clause that says nothing of a way out.
    func fact(_ describe: (any Error) -> String) -> String {
        switch self {
        case .noSuchFolder(let path): "there is no folder \(path)"
        case .notAFolder(let path): "\(path) is not a folder"
        case .noPermission(let path, let user, let toWrite):
            "\(user) may not \(toWrite ? "write to" : "read") the folder \(path)"
        case .notAllowed(let question): question.fact
        case .ofSetting(_, let cause): cause.fact(describe)
        case .notGivenBack(let loss): loss.reason
        default: describe(self)
        }
    }
}

/// Why a suspended guest does not get its folder back, without which it can go on.
package struct ShareLoss: Codable, Sendable, Hashable {
    /// The id of its session.
    package let session: String
    /// A clause.
    package let reason: String

    package init(session: String, reason: String) { (self.session, self.reason) = (session, reason) }

    /// What is known: a sentence without its full stop.
    package var fact: String { "session \(session) does not go on with the folder that it had: \(reason)" }

    /// The question to the user.
    package var question: String { "\(fact). Go on without the folder?" }
}

/// What the user has to allow before a system gets a folder whose file is not verified yet.
package struct ShareQuestion: Codable, Sendable, Hashable {
    package let folder: SharedFolder
    package let catalog: String
    package let distribution: String
    package let version: String
    /// Whether it is another folder than the guest had when it was suspended; nil means no.
    package let isReplaced: Bool?

    package init(
        folder: SharedFolder, catalog: String, distribution: String, version: String, isReplaced: Bool? = nil
    ) {
        self.isReplaced = isReplaced
        self.folder = folder
        self.catalog = catalog
        self.distribution = distribution
        self.version = version
    }

    /// What is known: a sentence without its full stop.
    package var fact: String {
        let act = folder.isReadOnly ? "read" : "read and change"
        if isReplaced == true {
            return
                "the folder \(folder.path) is not the one that the guest had when it was suspended, and whatever is in the guest "
                + "could \(act) all of it"
        }
        return
            "\(catalog)/\(distribution)@\(version) is not verified yet, and would get the folder \(folder.path): whatever is in that file can "
            + "\(act) all of it"
    }

    /// The question to the user.
    package var question: String {
        isReplaced == true
            ? "\(fact). Share the folder? If not, the guest goes on without it." : "\(fact). Share the folder?"
    }
}
