import Linux

/// Why a kept machine cannot be made, started or changed.
package enum MachineError: Error, Sendable, Equatable {
    /// Not a name for a machine or a snapshot; why, as a phrase.
    case invalidName(String, reason: String)
    /// There is a machine of this name already.
    case exists(String)
    case noSuchMachine(String, near: [String])
    /// A session runs it, by its id where that is known.
    case running(String, session: String?)
    /// Its guest is suspended, as this session: its disk must stay as it is, or the memory is of no use.
    case suspended(String, session: String)
    /// Another command works on it.
    case busy(String)
    /// What is stored of it cannot be used: it was cut off, changed or made by something else. Nothing is removed.
    case damaged(String, path: String, reason: String)
    /// A later release wrote it.
    case newer(String, format: Int)
    case noSuchSnapshot(machine: String, String, near: [String])
    case snapshotExists(machine: String, String)
    /// A disk has that many layers at most.
    case tooManyLayers(machine: String, most: Int)
    /// A disk would be smaller than it is, or than its image.
    case tooSmall(bytes: UInt64, least: UInt64, isImage: Bool)
    case tooLarge(bytes: UInt64, most: UInt64)
    /// Not all of its base is here, and what has the base's name now is another image, by its digest.
    case baseChanged(String, version: String, kept: String, now: String)
    /// What the guest has read was not what its vendor says; why.
    case baseWrong(String, reason: String)
    /// The version may be kept only when all of it is here and right.
    case unverified(UnverifiedBoot)
    /// The file that would be written is there already.
    case fileExists(String)
    /// qemu-img failed; its message.
    case toolFailed(reason: String)
    /// A program is not installed.
    case missingProgram(String, package: String)
    case file(SystemCallError)

    /// Refuses what is not a name of a machine or a snapshot.
    /// - Throws: ``MachineError/invalidName(_:reason:)``.
    package static func check(name: String) throws(MachineError) {
        if let reason = KeptName.fault(of: name) { throw .invalidName(name, reason: reason) }
    }
}
