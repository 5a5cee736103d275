/// A file or folder of the host that the user lets the guest see, at the same path.
package struct SharedPath: Sendable, Equatable {
    package let path: String
    package let writable: Bool

    package init(path: String, writable: Bool) {
        self.path = path
        self.writable = writable
    }

    /// Where the sandbox has its own things, or the kernel's: sharing them would let the guest out or break the login.
    static let reserved = ["/proc", "/sys", "/dev", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/exchange"]

    /// - Throws: ``GuestNetworkError/cannotShare(_:)`` for a path that is not absolute and plain, or reserved.
    func validate() throws(GuestNetworkError) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.hasPrefix("/"), !parts.isEmpty, !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }),
            !path.utf8.contains(0), !Self.reserved.contains(where: { path == $0 || path.hasPrefix($0 + "/") })
        else { throw .cannotShare(path) }
    }

    /// The folders above, outermost first.
    var parents: [String] {
        var result: [String] = []
        var current = ""
        for part in path.split(separator: "/").dropLast() {
            current += "/\(part)"
            result.append(current)
        }
        return result
    }
}
