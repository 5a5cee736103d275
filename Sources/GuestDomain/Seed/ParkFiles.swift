import Formats
import Linux

/// What makes a template of a guest whose image knows nothing of that: files that run in it, which its seed carries there. See `share/park`.
package struct ParkFiles: Sendable, Equatable {
    /// The program, for the guest's processor.
    let program: [UInt8]
    /// What it runs before the guest sleeps, and when it has woken.
    let before: String
    let after: String
    /// A unit of systemd's that starts it.
    let unit: String

    /// Bytes of one that are taken.
    private static let longest = 1 << 18

    init(program: [UInt8], before: String, after: String, unit: String) {
        (self.program, self.before, self.after, self.unit) = (program, before, after, unit)
    }

    /// Reads them. Waits for the disk.
    /// - Parameters:
    ///   - folders: where they may be, the best first.
    /// - Returns: nil where one of them is in none of the folders.
    /// - Throws: ``GuestDomainError/system(_:)``.
    package static func find(
        for architecture: GuestArchitecture, in folders: [String]
    ) throws(GuestDomainError) -> ParkFiles? {
        guard let program = try read("park-\(architecture.rawValue)", in: folders),
            let before = try read("park-before", in: folders), let after = try read("park-after", in: folders),
            let unit = try read("oscircular-park.service", in: folders)
        else { return nil }
        return ParkFiles(
            program: program, before: String(decoding: before, as: UTF8.self),
            after: String(decoding: after, as: UTF8.self), unit: String(decoding: unit, as: UTF8.self))
    }

    private static func read(_ name: String, in folders: [String]) throws(GuestDomainError) -> [UInt8]? {
        for folder in folders {
            do throws(SystemCallError) {
                return try FileContents.read("\(folder)/\(name)", limit: longest)
            } catch  where error.isAbsent {
                continue
            } catch {
                throw .system(error)
            }
        }
        return nil
    }

    /// What root runs in the guest at its start: puts the files into a folder from which programs can be run, and starts them. A script of sh(1).
    var script: String {
        """
        #!/bin/sh
        # Written by oscircular: this guest goes to sleep, and each copy of it goes on as a guest of its own.
        PATH=/usr/sbin:/usr/bin:/sbin:/bin
        export PATH
        asked=/sys/firmware/qemu_fw_cfg/by_name/opt/oscircular/park/raw
        [ -e "$asked" ] || modprobe qemu_fw_cfg 2> /dev/null
        [ -e "$asked" ] || exit 0
        usual=/usr/local/lib/oscircular
        for place in "$usual" /run/oscircular-park; do
            mkdir -p "$place" 2> /dev/null && : > "$place/park" && break
        done
        base64 -d > "$place/park" <<'PARK'
        \(Base64.lines(program))PARK
        cat > "$place/park-before" <<'PARK'
        \(before)PARK
        cat > "$place/park-after" <<'PARK'
        \(after)PARK
        chmod 755 "$place" "$place"/park*
        ! command -v restorecon > /dev/null || restorecon -R "$place"
        if [ -d /run/systemd/system ]; then
            # Gone at a restart.
            unit=/run/systemd/system/oscircular-park.service
            sed "s|$usual|$place|g" > "$unit" <<'PARK'
        \(unit)PARK
            ! command -v restorecon > /dev/null || restorecon "$unit"
            systemctl daemon-reload
            systemctl --no-block start oscircular-park.service
        else
            # When cloud-init has done all that it does at a start.
            {
                while [ ! -e /run/cloud-init/result.json ]; do sleep 1; done
                exec "$place/park" "$place/park-before" "$place/park-after"
            } < /dev/null > /dev/null 2>&1 &
        fi

        """
    }
}
