import Glibc
import Linux
import Testing

/// What tests of mounts need of the machine.
enum MountingMachine {
    static let isReady = access("/dev/fuse", R_OK | W_OK) == 0 && ProgramPath.find("nginx") != nil
    static let reason: Comment = "a mount needs /dev/fuse (modprobe fuse) and nginx (apt-get install nginx-light)"
}
