/// A folder of the host that a guest sees.
package struct GuestShare: Sendable, Equatable {
    /// How it gets there.
    package enum Kind: String, Sendable, Codable {
        /// By a server of ours, which is plugged in while the guest runs: such a device cannot be saved with a guest's memory.
        case virtiofs
        /// By QEMU itself, with the rights of QEMU's user.
        case plan9 = "9p"
    }

    /// By what the guest asks for it: 31 bytes at most.
    package static let tag = "oscircular-share"
    /// Where it is in the guest.
    package static let place = "/mnt/host"
    /// What qemu_fw_cfg calls ``script`` for images that look for it.
    package static let firmwareName = "opt/oscircular/share"

    package let kind: Kind
    /// On the host, without links.
    package let path: String
    package let isReadOnly: Bool
    /// Where the server listens, for ``Kind/virtiofs``.
    package let socketPath: String

    package init(kind: Kind, path: String, isReadOnly: Bool, socketPath: String) {
        self.kind = kind
        self.path = path
        self.isReadOnly = isReadOnly
        self.socketPath = socketPath
    }

    /// What root runs in the guest, as often as it likes: mounts the folder. A script of sh(1).
    package var script: String {
        let access = isReadOnly ? ",ro" : ""
        let options =
            kind == .virtiofs
            ? "nosuid,nodev\(access)" : "nosuid,nodev,trans=virtio,version=9p2000.L,msize=262144\(access)"
        return """
            #!/bin/sh
            # Written by oscircular: mounts the folder that this system's host shares with it.
            type=\(kind.rawValue) tag=\(GuestShare.tag) place=\(GuestShare.place) options=\(options)

            """ + GuestShare.steps
    }

    /// What root runs in the guest before the folder is taken away.
    package static var removal: String {
        """
        #!/bin/sh
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        grep -q '^\(tag) ' /proc/mounts || exit 0
        cd /
        sync
        umount \(place) 2> /dev/null && exit 0
        echo 'oscircular-share: a program in the guest uses \(place)' >&2
        exit 1

        """
    }

    private static let steps = #"""
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        export PATH
        fail() { echo "oscircular-share: $*" >&2 && exit 1; }
        [ "$(uname -s)" = Linux ] || fail "only a Linux can use a folder of its host"
        [ "$(id -u)" = 0 ] || fail "it needs root"
        ! grep -q "^$tag " /proc/mounts || exit 0
        [ "$type" != 9p ] || modprobe 9pnet_virtio 2> /dev/null
        grep -qw "$type" /proc/filesystems || modprobe "$type" 2> /dev/null
        grep -qw "$type" /proc/filesystems || fail "this system's kernel has no $type, by which it would see the folder"
        mkdir -p "$place" || fail "$place cannot be made"
        count=0
        # The system's own start and a login may both run it; and what was plugged in a moment ago takes a moment.
        until mount -t "$type" -o "$options" "$tag" "$place" 2> /dev/null; do
            ! grep -q "^$tag " /proc/mounts || exit 0
            count=$((count + 1))
            [ "$count" -lt 20 ] || fail "$(mount -t "$type" -o "$options" "$tag" "$place" 2>&1 | head -n 1)"
            sleep 1
        done

        """#

    // MARK: Plugged in

    /// What QEMU calls the place that a server's device is plugged in at, and both of its parts.
    static let port = "osc-share-port"
    static let device = "osc-share"

    /// QEMU's commands that plug it in, and what each is for.
    var plugging: [(command: String, call: String)] {
        let path = QuotedText.whole(socketPath)
        return [
            (
                #"{"execute":"chardev-add","arguments":{"id":"\#(Self.device)","backend":{"type":"socket","data":{"addr":{"type":"unix","data":{"path":\#(path)}},"server":false}}}}"#,
                "connect to the folder's server"
            ),
            (
                #"{"execute":"device_add","arguments":{"driver":"vhost-user-fs-pci","id":"\#(Self.device)","chardev":"\#(Self.device)","tag":"\#(Self.tag)","bus":"\#(Self.port)"}}"#,
                "plug the folder in"
            ),
        ]
    }

    static let unplug = #"{"execute":"device_del","arguments":{"id":"\#(device)"}}"#
    /// Answered while the device is there.
    static let question =
        #"{"execute":"qom-get","arguments":{"path":"/machine/peripheral/\#(device)","property":"type"}}"#
    static let disconnect = #"{"execute":"chardev-remove","arguments":{"id":"\#(device)"}}"#
}
