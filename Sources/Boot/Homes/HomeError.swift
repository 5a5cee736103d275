import GuestNetwork
import Linux

/// Why something could not be done with a home.
package enum HomeError: Error, Sendable {
    case noSuchHome(KeptName, near: [KeptName])
    /// It is not there any more, and an empty one in its place is not what anybody wants.
    case lost(KeptName, hasBackups: Bool)
    case exists(KeptName)
    /// A session's id, or what somebody does with it; nil where that is not known.
    case inUse(KeptName, by: String?)
    /// A guest that is suspended has it, as this session.
    case suspended(KeptName, session: String)
    /// Its folder, its file, or a backup is not as this program makes them: a link, another user's, readable to others.
    case notOurs(String, reason: String)
    /// The disk is not the file system that the home was.
    case unusable(KeptName, reason: String)
    /// Bytes.
    case invalidSize(UInt64, allowed: ClosedRange<UInt64>)
    /// It is not smaller than it is to become; bytes.
    case notSmaller(KeptName, size: UInt64, wanted: UInt64)
    /// A copy needs so many bytes, and so many may be used.
    case noRoom(KeptName, folder: String, needed: UInt64, free: UInt64)
    /// So many bytes are copied only when somebody asks for it.
    case tooMuchToCopy(KeptName, size: UInt64)
    case noSuchBackup(KeptName, String, near: [String])
    /// e2fsck found what it repairs only when it is told to; its own text.
    case damaged(KeptName, findings: String)
    /// A program of e2fsprogs failed; its own text.
    case toolFailed(String, output: String)
    /// The user has not allowed the system to have it.
    case notAllowed(HomeQuestion)
    case sandbox(GuestNetworkError)
    case file(SystemCallError)

    static func wrap<Value>(_ body: () throws(SystemCallError) -> Value) throws(HomeError) -> Value {
        do throws(SystemCallError) { return try body() } catch { throw .file(error) }
    }
}
