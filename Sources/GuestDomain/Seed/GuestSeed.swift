import Linux

/// What a system learns at its first boot: who may log in, and what the machine is called.
///
/// Vendors' images are the same for everybody, so they have neither keys nor passwords. Each kind of image asks in its own way;
/// ``write(to:)`` makes the files, and a ``GuestSpecification`` takes what comes of it.
package struct GuestSeed: Sendable, Equatable {
    /// Which program in the guest asks.
    package enum Kind: String, Sendable, CaseIterable {
        case nocloud, ignition, credentials, nuageinit
    }

    package var kind: Kind
    /// Who logs in: `root`, or the user that the image has or makes at its first boot, who may become root.
    package var user: String
    /// Lines of `authorized_keys`, without newlines.
    package var authorizedKeys: [String]
    /// Of the password for the console, in the form of crypt(5), `$6$…`; nil for none.
    package var passwordHash: String?
    /// Another one means another first boot: it comes with the overlay.
    package var instanceID: String
    package var hostName: String
    /// The user's own, which is obeyed after ours; nil for none.
    package var userData: UserData?

    package init(
        kind: Kind, user: String, authorizedKeys: [String], passwordHash: String?, instanceID: String,
        hostName: String, userData: UserData? = nil
    ) {
        self.kind = kind
        self.user = user
        self.authorizedKeys = authorizedKeys
        self.passwordHash = passwordHash
        self.instanceID = instanceID
        self.hostName = hostName
        self.userData = userData
    }

    /// What a guest's machine has of a seed.
    package struct Files: Sendable, Equatable {
        /// A raw disk, 0600; libvirt gives it to QEMU's user while the domain runs. Nil for none.
        package var diskPath: String?
        /// The machine's serial number (SMBIOS, type 1); nil for none.
        package var serialNumber: String?
        /// What the guest reads through qemu_fw_cfg.
        package var firmwareEntries: [GuestSpecification.FirmwareEntry] = []
    }

    /// Writes the seed into a folder of the session's own, which QEMU's user may pass through.
    /// - Throws: ``GuestDomainError``: ``GuestDomainError/userDataRefused(_:)`` where this kind of image cannot take it.
    package func write(to folder: String) throws(GuestDomainError) -> Files { Files() }
}

/// A user's own orders for a system's first boot, as the system's own program takes them.
package struct UserData: Sendable, Equatable {
    /// Bytes that are taken.
    package static let longest = 262_144
    package let text: String

    /// - Throws: ``GuestDomainError/userDataRefused(_:)``: too long, empty, or not UTF-8.
    package init(_ bytes: [UInt8]) throws(GuestDomainError) {
        guard bytes.count <= UserData.longest else {
            throw .userDataRefused("it has more than \(UserData.longest >> 10) KiB")
        }
        guard let text = String(validating: bytes, as: UTF8.self), !text.utf8.contains(0) else {
            throw .userDataRefused("it is not text in UTF-8; a compressed file must be unpacked first")
        }
        guard !text.allSatisfy(\.isWhitespace) else { throw .userDataRefused("it is empty") }
        self.text = text
    }
}
