import FoundationEssentials
import Libvirt
import Linux

/// What this program asks of QEMU itself: about a guest's memory, and what is plugged in (QMP, by libvirt). All calls wait, also for a read of the
/// disk that waits.
struct QEMUMonitor {
    let domain: LibvirtDomain

    /// How far the saving or loading of a memory is.
    enum Migration: Sendable, Equatable {
        /// It has not begun, or is under way.
        case active
        case completed
        case cancelled
        /// QEMU's own reason, where it says one.
        case failed(String?)
    }

    private struct Refusal: Decodable { let desc: String }

    private struct Answer<Value: Decodable>: Decodable {
        let value: Value?
        let error: Refusal?

        enum CodingKeys: String, CodingKey {
            case value = "return"
            case error
        }
    }

    private struct Nothing: Decodable {}

    private struct Outcome: Decodable { let error: Refusal? }

    private struct Version: Decodable {
        struct Number: Decodable { let major, minor, micro: Int }
        let qemu: Number
    }

    private struct Progress: Decodable {
        let status: String?
        let desc: String?

        enum CodingKeys: String, CodingKey {
            case status
            case desc = "error-desc"
        }
    }

    /// - Throws: ``LibvirtError``, ``GuestDomainError/memoryNotSaved(reason:)``.
    func version() throws -> MemoryOrigin.EmulatorVersion {
        let version = try ask("query-version", as: Version.self).qemu
        return MemoryOrigin.EmulatorVersion(major: version.major, minor: version.minor, micro: version.micro)
    }

    /// The stream is a pipe on this machine: QEMU's usual bound is for networks.
    func removeRateLimit() throws {
        try order("migrate-set-parameters", #"{"max-bandwidth":10737418240}"#)
    }

    /// - Parameter name: letters and hyphens.
    func give(_ file: FileHandle, as name: String) throws {
        try order("getfd", #"{"fdname":"\#(name)"}"#, passing: file)
    }

    /// Begins to write the memory of a paused guest into a file that QEMU was given.
    func save(to name: String) throws {
        do {
            try order("migrate", #"{"uri":"fd:\#(name)"}"#)
        } catch GuestDomainError.memoryNotSaved(let reason) where reason.contains("previous migration") {
            // A saving that came to its end, and was of no use all the same.
            throw GuestDomainError.memoryNotSaved(
                reason: "QEMU saves a paused guest once only: let it go on for a moment, and try again")
        }
    }

    /// Begins to read a memory from a file that QEMU was given.
    func load(from name: String) throws { try order("migrate-incoming", #"{"uri":"fd:\#(name)"}"#) }

    func cancel() throws { try order("migrate_cancel") }

    func migration() throws -> Migration {
        let progress = try ask("query-migrate", as: Progress.self)
        switch progress.status {
        case "completed": return .completed
        case "cancelled": return .cancelled
        case "failed": return .failed(progress.desc)
        default: return .active
        }
    }

    /// Gives QEMU a command, where a refusal is an error. What it answers is not looked at.
    /// - Parameters:
    ///   - json: the whole command.
    ///   - call: what it is for, for errors.
    /// - Throws: ``LibvirtError``: libvirt's own, or QEMU's words with the code 0.
    func order(json: String, _ call: String) throws(LibvirtError) {
        let text = try domain.ask(json, call)
        let message: String?
        do { message = try JSONDecoder().decode(Outcome.self, from: Data(text.utf8)).error?.desc } catch {
            message = text
        }
        if let message { throw LibvirtError(code: 0, domain: 0, message: message, call: call) }
    }

    private func order(_ command: String, _ arguments: String? = nil, passing file: FileHandle? = nil) throws {
        _ = try ask(command, arguments, passing: file, as: Nothing.self)
    }

    private func ask<Value: Decodable>(
        _ command: String, _ arguments: String? = nil, passing file: FileHandle? = nil, as type: Value.Type
    ) throws -> Value {
        let rest = arguments.map { ",\"arguments\":\($0)" } ?? ""
        let text = try domain.ask("{\"execute\":\"\(command)\"\(rest)}", "ask QEMU (\(command))", passing: file)
        let answer: Answer<Value>
        do {
            answer = try JSONDecoder().decode(Answer<Value>.self, from: Data(text.utf8))
        } catch {
            throw GuestDomainError.memoryNotSaved(reason: "QEMU's answer to \(command) is not understood")
        }
        if let value = answer.value { return value }
        throw GuestDomainError.memoryNotSaved(reason: answer.error?.desc ?? "QEMU did not say why")
    }
}
