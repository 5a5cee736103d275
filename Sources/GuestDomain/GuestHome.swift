/// A disk that is a user's home in a guest.
package struct GuestHome: Sendable, Equatable {
    /// Of the file system, and the serial number of the disk in a guest: 16 bytes at most.
    package static let label = "oscircular-home"
    /// The user's number, and the group's, in every guest.
    package static let userID = 1000
    /// What qemu_fw_cfg calls ``script(authorizedKey:passwordHash:)`` for images that look for it.
    package static let firmwareName = "opt/oscircular/home"

    /// A raw image of an ext4 file system.
    package let diskPath: String
    /// Of the form `[a-z][a-z0-9_-]{0,31}`.
    package let user: String

    package init(diskPath: String, user: String) {
        self.diskPath = diskPath
        self.user = user
    }

    /// What root runs in the guest, at each start of it and as often as it likes: makes the user, mounts the disk at `/home/USER`, and lets the key in.
    /// A script of sh(1) for what Debian, Fedora, Alpine and BusyBox have.
    ///
    /// What is in the home may be another system's, a hostile one's even. So the disk is known by its serial number and not by what is on it, nothing
    /// in it gets rights by who owns it (nosuid, nodev), and root itself neither reads nor writes there: what has to be done in it, the user does.
    /// - Parameters:
    ///   - authorizedKey: a line of `authorized_keys`.
    ///   - passwordHash: of the console's password, in the form of crypt(5); nil for none.
    package func script(authorizedKey: String, passwordHash: String? = nil) -> String {
        let values = """
            #!/bin/sh
            # Written by oscircular: gives this system the home of \(user).
            name=\(user) number=\(GuestHome.userID) serial=\(GuestHome.label)
            key=\(GuestHome.quoted(authorizedKey)) hash=\(GuestHome.quoted(passwordHash ?? ""))

            """
        return values + GuestHome.steps
    }

    /// For sh(1), in single quotes.
    private static func quoted(_ text: String) -> String {
        "'" + text.filter { $0 != "'" && $0 != "\n" } + "'"
    }

    private static let steps = #"""
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        export PATH
        umask 022
        home=/home/$name
        fail() { echo "oscircular-home: $*" >&2 && exit 1; }
        [ "$(uname -s)" = Linux ] || fail "only a Linux can use a home"
        [ "$(id -u)" = 0 ] || fail "it needs root"

        # The system's own start and a login may both run it.
        turn=/run/oscircular-home.turn count=0
        until mkdir "$turn" 2> /dev/null; do
            count=$((count + 1))
            [ "$count" -le 120 ] || break
            sleep 1
        done
        trap 'rmdir "$turn" 2> /dev/null' EXIT

        disk='' count=0
        while :; do
            for block in /sys/block/*; do
                [ "$(cat "$block/serial" 2> /dev/null)" = "$serial" ] && disk=/dev/${block##*/}
            done
            [ -z "$disk" ] || break
            count=$((count + 1))
            [ "$count" -le 30 ] || fail "its disk is not there: does this kernel have virtio disks?"
            [ "$count" -gt 1 ] || modprobe virtio_blk 2> /dev/null
            sleep 1
        done

        shell=/bin/sh
        [ ! -x /bin/bash ] || shell=/bin/bash
        made=no
        if found=$(id -u "$name" 2> /dev/null); then
            [ "$found" = "$number" ] || fail "this system has a user $name of its own, with the number $found"
        elif command -v useradd > /dev/null; then
            # Another user may have the number: then both are one.
            grep -q "^$name:" /etc/group || groupadd -o -g "$number" "$name"
            useradd -o -u "$number" -g "$name" -M -d "$home" -s "$shell" "$name" || fail "useradd failed"
            made=yes
        else
            grep -q "^$name:" /etc/group || echo "$name:x:$number:" >> /etc/group
            echo "$name:x:$number:$number::$home:$shell" >> /etc/passwd || fail "/etc/passwd cannot be written"
            [ ! -e /etc/shadow ] || echo "$name:*:1::::::" >> /etc/shadow
            made=yes
        fi
        # Who is locked ("!") may be refused even with a key. A password of the user's own stays.
        field=$(sed -n "s/^$name:\([^:]*\):.*/\1/p" /etc/shadow 2> /dev/null)
        case $field in
        '' | '!' | '!!' | '!*' | '*')
            if [ "$made" = yes ] || [ -n "$hash" ]; then
                echo "$name:${hash:-*}" | chpasswd -e 2> /dev/null || usermod -p "${hash:-*}" "$name" 2> /dev/null
            fi
            ;;
        esac
        for group in sudo wheel adm systemd-journal; do
            grep -q "^$group:" /etc/group || continue
            usermod -a -G "$group" "$name" 2> /dev/null || addgroup "$name" "$group" > /dev/null 2>&1
        done
        # Where the image has a user with the same number, these know both by that one's name.
        if [ -d /etc/sudoers.d ]; then
            printf '%s ALL=(ALL) NOPASSWD:ALL\n' "$name" "#$number" > /etc/sudoers.d/90-oscircular-home
            chmod 440 /etc/sudoers.d/90-oscircular-home
        elif [ -d /etc/doas.d ]; then
            first=$(sed -n "s/^\([^:]*\):[^:]*:$number:.*/\1/p" /etc/passwd | head -n 1)
            printf 'permit nopass %s\n' "$name" "${first:-$name}" > /etc/doas.d/90-oscircular-home.conf
        fi

        mkdir -p "$home" || fail "$home cannot be made"
        place=$(cd "$home" && pwd -P)
        if ! grep -q "^[^ ]* $place " /proc/mounts; then
            # Another guest may have ended in the middle of a write. The kernel does the same without it, but for what it finds only later.
            if command -v e2fsck > /dev/null; then
                e2fsck -p "$disk" > /dev/null 2>&1
                [ $? -lt 4 ] || echo "oscircular-home: e2fsck finds errors: 'oscircular homes check'" >&2
            fi
            modprobe ext4 2> /dev/null
            mount -t ext4 -o nosuid,nodev,discard "$disk" "$place" || fail "its disk cannot be mounted"
        fi
        # At a restart of this system it is there at once. Where devices have names by what they are, what is on others does not matter.
        if ! grep -q "$serial $home " /etc/fstab 2> /dev/null; then
            device=/dev/disk/by-id/virtio-$serial
            [ -e "$device" ] || device=LABEL=$serial
            line="$device $home ext4 nosuid,nodev,discard,nofail"
            if [ -d /run/systemd/system ]; then
                line="$line,x-systemd.device-timeout=15s 0 2"
            else
                # Not every other system's start goes on where the program for a check is not there.
                line="$line 0 0"
            fi
            { echo "$line" >> /etc/fstab; } 2> /dev/null
        fi
        chown "$number:$number" "$place" && chmod go-w "$place"
        # Labels of SELinux are no other system's matter.
        ! command -v restorecon > /dev/null || restorecon -R "$place" 2> /dev/null

        inside() {
            printf 'place=%s key="%s"\n' "$place" "$key"
            cat <<'SCRIPT'
        cd "$place" || exit 1
        umask 077
        if [ ! -e .profile ] && [ ! -e .bashrc ]; then cp -R /etc/skel/. . 2> /dev/null; fi
        mkdir -p .ssh || exit 1
        # What an ssh server takes no keys from, and what would never end to be read, is another guest's doing.
        chmod 700 .ssh 2> /dev/null || exit 3
        [ ! -e .ssh/authorized_keys ] || [ -f .ssh/authorized_keys ] || exit 3
        rm -f .ssh/keys.oscircular 2> /dev/null || exit 3
        # Keys of other sessions are of no use any more.
        { grep -v ' oscircular-host$' .ssh/authorized_keys 2> /dev/null; echo "$key"; } > .ssh/keys.oscircular || exit 1
        mv -f .ssh/keys.oscircular .ssh/authorized_keys && [ -f .ssh/authorized_keys ]
        SCRIPT
        }
        command -v su > /dev/null || fail "this system has no su, by which root becomes its user"
        su -s /bin/sh -c "$(inside)" "$name"
        case $? in
        0) ;;
        3) fail "no key can be kept in $home/.ssh: that, or authorized_keys in it, is not what it should be" ;;
        *) fail "nothing can be written to $home: is it full?" ;;
        esac

        """#
}
