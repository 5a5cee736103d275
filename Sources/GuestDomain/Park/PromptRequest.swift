import Linux

/// A viewer of a guest's console who has pressed Enter. It is there for as long as this value is: what is typed by one who has gone may be lost.
package struct PromptRequest: Sendable {
    private let viewer: FileHandle

    /// - Parameter path: ``GuestConsole``'s socket for viewers.
    /// - Throws: ``SystemCallError``.
    package init(at path: String) throws(SystemCallError) {
        viewer = try UnixListener.connect(to: path)
        try [UInt8(ascii: "\r")].withBytes { (bytes) throws(SystemCallError) in try viewer.write(bytes) }
    }
}
