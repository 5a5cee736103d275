import Linux

/// A folder of the host that its user shares with a guest, as the user names it: `DIR[:ro]`.
package struct SharedFolder: Codable, Sendable, Hashable {
    /// From the root; may lead through links.
    package let path: String
    package let isReadOnly: Bool

    package init(path: String, isReadOnly: Bool) {
        self.path = path
        self.isReadOnly = isReadOnly
    }

    /// - Parameter text: `~/` means this user's home, and a relative folder one in the working folder. A folder whose own name ends with
    ///   `:ro` is meant by a slash at its end.
    /// - Throws: ``ShareError/badName(_:)``.
    package init(argument text: String) throws(ShareError) {
        if let fault = SharedFolder.fault(of: text) { throw .badName(fault) }
        let suffix = ":ro"
        isReadOnly = text.hasSuffix(suffix)
        let name = isReadOnly ? String(text.dropLast(suffix.count)) : text
        let expanded = name == "~" || name.hasPrefix("~/") ? Environment.home + name.dropFirst() : name
        path = ResolvedPath.absolute(expanded)
    }

    /// As a user types it.
    package var text: String { isReadOnly ? "\(path):ro" : path.hasSuffix(":ro") ? "\(path)/" : path }

    /// Longer names no kernel takes.
    private static let longest = 4096

    /// What is wrong with a text as the name of a folder; nil for nothing.
    package static func fault(of text: String) -> String? {
        let name = text.hasSuffix(":ro") ? text.dropLast(3) : text[...]
        if name.isEmpty { return "must be a folder, such as /home/me/src, or /home/me/src:ro for reading only" }
        if name.utf8.count > longest { return "must be a folder: no path is that long" }
        if hasUnprintable(text) { return "must be a folder without control characters in its name" }
        return nil
    }

    /// As ``fault(of:)``, for a place that has no working folder.
    package static func fault(ofSetting text: String) -> String? {
        if let fault = fault(of: text) { return fault }
        return text.hasPrefix("/") || text.hasPrefix("~/") || text == "~" || text == "~:ro"
            ? nil : "must begin with / or ~/, for a setting has no current folder"
    }

    /// What neither a terminal nor libvirt's description can hold.
    static func hasUnprintable(_ text: String) -> Bool {
        text.unicodeScalars.contains { scalar in
            scalar.value < 32 || (0x7F...0x9F).contains(scalar.value) || (0xFFFE...0xFFFF).contains(scalar.value)
                || (0x2028...0x2029).contains(scalar.value)
        }
    }
}

/// Whether a guest gets the folder that is asked for, or set for its system: a guest without a network is to have no other way to the host
/// either, unless whoever says so says both.
package enum ShareChoice: Sendable, Equatable {
    case none
    case share(SharedFolder)
    /// The settings give it one, and whoever starts it without a network did not.
    case withheld(SharedFolder)

    /// - Parameters:
    ///   - asked: what was asked for with this boot, empty for none; nil where nothing was.
    ///   - own: what is set for the system.
    ///   - network: the guest's.
    ///   - isNetworkAsked: whether that was asked for with this boot.
    ///   - isNetworkOwn: whether that is what is set for the system.
    /// - Throws: ``ShareError/badName(_:)``, ``ShareError/noNetwork(_:)``.
    package init(
        asked: String?, own: String?, network: String, isNetworkAsked: Bool, isNetworkOwn: Bool
    ) throws(ShareError) {
        guard let text = asked ?? own, !text.isEmpty else {
            self = .none
            return
        }
        let folder = try SharedFolder(argument: text)
        let isSaidTogether = asked != nil ? isNetworkAsked : isNetworkOwn && !isNetworkAsked
        if network != "none" || isSaidTogether {
            self = .share(folder)
        } else if asked != nil {
            throw .noNetwork(folder)
        } else {
            self = .withheld(folder)
        }
    }
}

extension SharedFolder {
    /// The folder itself that a guest was given.
    package struct Given: Codable, Sendable, Hashable {
        /// Without links.
        package let path: String
        /// Its file system's number is another one after some restarts of the machine, and is left out.
        package let inode: UInt64
    }
}

extension BootRequest {
    /// Takes what came of the folder that was asked for.
    /// - Parameter setting: the name of the setting that gives the folder; nil where it was asked for with this boot.
    package mutating func take(_ choice: ShareChoice, isAllowed: Bool = false, setting: String? = nil) {
        allowShare = isAllowed ? true : nil
        shareSetting = setting
        switch choice {
        case .none: break
        case .share(let folder): share = folder
        case .withheld(let folder): withheldShare = folder
        }
    }

    /// The same guest without a folder of the host.
    package var withoutShare: BootRequest {
        var request = self
        (request.share, request.givenShare, request.allowShare, request.shareSetting) = (nil, nil, nil, nil)
        return request
    }
}
