import Formats

/// What the status of a session is made of.
extension SessionStatus {
    /// For people: `started warm in 1.2 s`, `booted in 31 s`; nil where nothing is known.
    package var startText: String? {
        guard let start else { return nil }
        let words = start == .warm ? "started warm" : "booted"
        return startSeconds.map { "\(words) in \(SessionStatus.text(seconds: $0))" } ?? words
    }

    /// Tenths below ten seconds, where they count.
    private static func text(seconds: Double) -> String {
        let tenths = Int((max(0, min(seconds, 86_400)) * 10).rounded())
        return tenths < 100
            ? "\(tenths / 10).\(tenths % 10) s" : DurationText.precise(seconds: UInt64((tenths + 5) / 10))
    }

    /// What is wrong with the network of a guest that runs.
    package struct NetworkTrouble: Codable, Sendable, Equatable {
        package enum Kind: String, Codable, Sendable {
            /// Its process could reach more of the user's machine than it should, if it were broken.
            case exposed
            /// QEMU's connection to it has ended: the guest has none.
            case unplugged
        }

        package var kind: Kind
        /// What it means and what to do, for people.
        package var text: String

        package init(kind: Kind, text: String) {
            self.kind = kind
            self.text = text
        }
    }

    /// The folder of the host that the guest sees.
    package struct Share: Codable, Sendable, Equatable {
        package enum State: String, Codable, Sendable {
            /// The guest has not mounted it yet.
            case waiting
            case mounted
            /// The guest cannot have it.
            case failed
            /// Taken away for as long as the guest is suspended.
            case away
        }

        /// On the host, without links.
        package var path: String
        package var readOnly: Bool
        /// In the guest.
        package var at: String
        /// `virtiofs` or `9p`.
        package var kind: String
        /// Whose rights the guest has in it where that is not the session's own user.
        package var user: String?
        package var state: State
        /// What is wrong with it; nil for nothing.
        package var trouble: String?

        package init(
            path: String, readOnly: Bool, at: String, kind: String, user: String? = nil, state: State,
            trouble: String? = nil
        ) {
            (self.path, self.readOnly, self.at, self.kind) = (path, readOnly, at, kind)
            (self.user, self.state, self.trouble) = (user, state, trouble)
        }

        /// For people: `/home/ann/src at /mnt/host, read-only`.
        package var text: String {
            let place =
                switch state {
                case .waiting: "not mounted yet"
                case .mounted: "at \(at)"
                case .failed: "not to be seen in the guest"
                case .away: "taken away while the guest is suspended"
                }
            return "\(path) \(place)\(readOnly ? ", read-only" : "")\(user.map { ", with the rights of \($0)" } ?? "")"
        }
    }

    /// How far a vendor's file is that must be here whole before the guest starts.
    package struct Download: Codable, Sendable, Equatable {
        package typealias Stage = VersionFetch.Progress.Stage

        package var stage: Stage
        /// Bytes of the file, and how many of them are here, or unpacked.
        package var done: UInt64
        package var total: UInt64

        package init(stage: Stage, done: UInt64, total: UInt64) {
            (self.stage, self.done, self.total) = (stage, done, total)
        }
    }

    /// A port of this host that leads to the guest.
    package struct Port: Codable, Sendable, Hashable {
        /// In numbers, without brackets.
        package var address: String
        package var port: UInt16
        package var guestPort: UInt16
        /// `tcp` or `udp`.
        package var `protocol`: String

        package init(address: String, port: UInt16, guestPort: UInt16, protocol: String) {
            (self.address, self.port, self.guestPort, self.protocol) = (address, port, guestPort, `protocol`)
        }

        /// `127.0.0.1:8080 to 80`, `[::1]:5353 to 53 (udp)`.
        package var text: String {
            "\(address.contains(":") ? "[\(address)]" : address):\(port) to \(guestPort)\(`protocol` == "udp" ? " (udp)" : "")"
        }
    }

    /// How far the last saving of the guest is, or why it failed.
    package struct Suspension: Codable, Sendable, Equatable {
        /// Bytes that were written.
        package var bytes: UInt64 = 0
        /// Why the guest goes on; nil while it is being saved.
        package var failure: String?

        package init(failure: String? = nil) { self.failure = failure }
    }

    /// What is stored of a suspended guest.
    package struct Suspended: Codable, Sendable, Equatable {
        /// RFC 3339, UTC.
        package var time: String
        /// Bytes of its memory's file; 0 where only the disk is there.
        package var memory: UInt64
        /// Bytes that its own disk takes; 0 for a kept machine, whose disk is its own.
        package var disk: UInt64
        /// How much of what its disk lies on is here, as `81 % of its image here`; nil where that is not known.
        package var base: String?
        /// Why it cannot go on as it is; nil where nothing is known to be wrong.
        package var problem: String?

        package init(time: String, memory: UInt64, disk: UInt64) {
            (self.time, self.memory, self.disk) = (time, memory, disk)
        }
    }

    package struct Domain: Codable, Sendable, Equatable {
        package var uri: String
        package var name: String
        package var uuid: String
    }

    /// How much of the boot pack is stored.
    package struct Pack: Codable, Sendable, Equatable {
        /// Pieces of the pack, and how many of them are stored.
        package var pieces: Int
        package var here: Int

        package init(pieces: Int, here: Int) { (self.pieces, self.here) = (pieces, here) }
    }

    /// How much of the boot set is stored.
    package struct BootSetProgress: Codable, Sendable, Equatable {
        /// Blocks of the boot set, and how many of them have arrived or were stored already. Where a boot pack is used its pieces count in
        /// place of the blocks of which it has pages.
        package var blocks: Int
        package var done: Int

        package init(blocks: Int, done: Int) {
            self.blocks = blocks
            self.done = done
        }
    }
}
