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
    package var question: String { "\(fact). Share the folder?" }
}
