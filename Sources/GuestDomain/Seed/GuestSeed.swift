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
    /// The disk that is a user's home: another user than ``user``, with the same keys and password. Nil for none.
    package var home: GuestHome?
    /// The folder of the host that it sees; nil for none.
    package var share: GuestShare?
    /// What makes a template of it; nil for a guest that is none, and for one whose image has it.
    package var park: ParkFiles?

    package init(
        kind: Kind, user: String, authorizedKeys: [String], passwordHash: String?, instanceID: String,
        hostName: String, userData: UserData? = nil, home: GuestHome? = nil,
        share: GuestShare? = nil, park: ParkFiles? = nil
    ) {
        self.kind = kind
        self.user = user
        self.authorizedKeys = authorizedKeys
        self.passwordHash = passwordHash
        self.instanceID = instanceID
        self.hostName = hostName
        self.userData = userData
        self.home = home
        self.share = share
        self.park = park
    }

    /// What root is to run at each start for the home, the folder and a template; nil without them.
    var startScript: String? {
        let home = home?.script(authorizedKey: authorizedKeys.first ?? "", passwordHash: passwordHash)
        let scripts = [home, share?.script, park?.script].compactMap(\.self)
        // Each in a shell of its own: the end of one is not the others'.
        return scripts.count > 1 ? "#!/bin/sh\n" + scripts.map { "(\n\($0)\n)\n" }.joined() : scripts.first
    }

    /// What a guest's machine has of a seed.
    package struct Files: Sendable, Equatable {
        /// A raw disk, 0600; libvirt gives it to QEMU's user while the domain runs. Nil for none.
        package var diskPath: String?
        /// The machine's serial number (SMBIOS, type 1); nil for none.
        package var serialNumber: String?
        /// What the guest reads through qemu_fw_cfg.
        package var firmwareEntries: [GuestSpecification.FirmwareEntry] = []

        package init(
            diskPath: String? = nil, serialNumber: String? = nil,
            firmwareEntries: [GuestSpecification.FirmwareEntry] = []
        ) {
            (self.diskPath, self.serialNumber, self.firmwareEntries) = (diskPath, serialNumber, firmwareEntries)
        }
    }

    /// Writes the seed into a folder of the session's own, which QEMU's user may pass through.
    /// - Throws: ``GuestDomainError``: ``GuestDomainError/userDataRefused(_:)`` where this kind of image cannot take it.
    package func write(to folder: String) throws(GuestDomainError) -> Files {
        switch kind {
        case .nocloud:
            let config = CloudConfig(seed: self)
            let disk = try volume(in: folder, config.metaData, try config.userData(), config.vendorData)
            // cloud-init then looks for the volume until it is there, and for nothing else.
            return Files(diskPath: disk, serialNumber: "ds=nocloud")
        case .nuageinit:
            let script = NuageinitScript(seed: self)
            return Files(diskPath: try volume(in: folder, script.metaData, try script.userData()))
        case .ignition:
            let entry = try entry("opt/com.coreos/config", try IgnitionConfig(seed: self).text(), in: folder)
            return Files(firmwareEntries: [entry])
        case .credentials:
            guard userData == nil else {
                throw .userDataRefused("this system has no program that obeys one")
            }
            // The keys are credentials of every guest's.
            var texts = [("system.hostname", hostName)]
            if let passwordHash { texts.append(("passwd.hashed-password.root", passwordHash)) }
            var entries: [GuestSpecification.FirmwareEntry] = []
            for (name, text) in texts {
                entries.append(try entry("opt/io.systemd.credentials/\(name)", text, in: folder))
            }
            return Files(firmwareEntries: entries)
        }
    }

    private func volume(
        in folder: String, _ metaData: String, _ userData: String, _ vendorData: String? = nil
    ) throws(GuestDomainError) -> String {
        var files = [("meta-data", Array(metaData.utf8)), ("user-data", Array(userData.utf8))]
        if let vendorData { files.append(("vendor-data", Array(vendorData.utf8))) }
        let volume = FATVolume(label: "CIDATA", files: files)
        return try write(volume.bytes(), "seed", in: folder)
    }

    private func entry(
        _ name: String, _ text: String, in folder: String
    ) throws(GuestDomainError) -> GuestSpecification.FirmwareEntry {
        let file = String(name[name.index(after: name.lastIndex(of: "/") ?? name.startIndex)...])
        return .init(name: name, path: try write(Array(text.utf8), file, in: folder))
    }

    private func write(_ bytes: [UInt8], _ name: String, in folder: String) throws(GuestDomainError) -> String {
        let path = "\(folder)/\(name)"
        do throws(SystemCallError) {
            try AtomicFile.write(bytes, to: path, mode: 0o600)
        } catch {
            throw .system(error)
        }
        return path
    }
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

    /// Reads a file. Waits for the disk.
    /// - Throws: ``GuestDomainError/system(_:)``; as ``init(_:)``.
    package static func read(_ path: String) throws(GuestDomainError) -> UserData {
        let bytes: [UInt8]
        do throws(SystemCallError) {
            bytes = try FileContents.read(path, limit: longest)
        } catch  where error.number == .fileTooLarge {
            throw .userDataRefused("it has more than \(longest >> 10) KiB")
        } catch {
            throw .system(SystemCallError(code: error.code, call: error.call, subject: path))
        }
        return try UserData(bytes)
    }

    /// Whether its first word is this one. Letters of either case: MIME's headers have both.
    func beginsWith(_ word: String) -> Bool {
        text.utf8.count >= word.utf8.count && text.lowercased().hasPrefix(word.lowercased())
    }
}
