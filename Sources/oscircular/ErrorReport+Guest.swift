import Curses
import GuestDomain
import GuestNetwork
import Linux

/// The messages for what goes wrong with the guest itself, and with the screen.
extension ErrorReport {
    static func describe(_ error: GuestDomainError) -> (Int32, String) {
        switch error {
        case .noDaemon(let uri, let cause):
            (
                ExitStatus.unavailable,
                "libvirt does not answer at \(uri): \(cause.message). 'oscircular doctor' says what to do"
            )
        case .emulatorIsRoot(let uri):
            (
                ExitStatus.notPermitted,
                "QEMU would run as root at \(uri). Use qemu:///system, and leave 'user' in /etc/libvirt/qemu.conf as it is"
            )
        case .noEmulator(let uri):
            (
                ExitStatus.unavailable,
                "libvirt at \(uri) has no QEMU: install the package \((GuestArchitecture.host ?? .x86_64).emulatorPackage)"
            )
        case .noForeignEmulator(let architecture, let packages) where packages.isEmpty:
            (
                ExitStatus.unavailable,
                "this system is for \(architecture.rawValue), and libvirt does not offer its emulator, "
                    + "\(architecture.emulator), which is installed"
            )
        case .noForeignEmulator(let architecture, let packages):
            (
                ExitStatus.unavailable,
                "this system is for \(architecture.rawValue), and this machine cannot emulate that: "
                    + "install \(Emulation.list(packages))"
            )
        case .unknownArchitecture(let word):
            (ExitStatus.unavailable, "this system is for \(word), a processor that guests cannot have here")
        case .noHardwareVirtualization(let reason):
            (ExitStatus.unavailable, "KVM cannot be used: \(reason). Leave out '--accel kvm' for software emulation")
        case .startFailed(let cause):
            (ExitStatus.unavailable, "the guest did not start: \(cause.message)")
        case .callFailed(let cause): (ExitStatus.unavailable, "libvirt: \(cause)")
        case .overlayFailed(let reason):
            (ExitStatus.unavailable, "the guest's overlay could not be created: \(reason)")
        case .missingProgram(let program, let package):
            (ExitStatus.unavailable, "\(program) is not installed: install the package \(package)")
        case .noFirmware(let package):
            (ExitStatus.unavailable, "this version needs UEFI firmware: install the package \(package)")
        case .userDataRefused(let reason):
            (ExitStatus.malformed, "the user data for the first boot cannot be used: \(reason)")
        case .processorTooOld(let level, let missing):
            (
                ExitStatus.unavailable,
                missing.isEmpty
                    ? "this version needs a processor of the level \(level), which software emulation does not have"
                    : "this version needs a processor of the level \(level), and this one has no "
                        + "\(missing.joined(separator: ", ")): try '--accel tcg' (slow), or another version"
            )
        case .noUSBDevice(let name):
            (
                ExitStatus.unavailable,
                "no USB device \(name) is plugged in: 'lsusb' (of the package usbutils) shows those that are"
            )
        case .severalUSBDevices(let name, let places):
            (
                ExitStatus.unavailable,
                "several USB devices are \(name): choose one by its place, \(places.joined(separator: " or "))"
            )
        case .usbNotPermitted(let name, let path):
            (
                ExitStatus.notPermitted,
                "you may not use the USB device \(name): its file \(path) is closed to you. Start the guest as root, or let a rule of "
                    + "udev's give you the device"
            )
        case .memoryNotSaved(let reason): (ExitStatus.unavailable, "the guest's memory was not saved: \(reason)")
        case .memoryMisfit(let reason): (ExitStatus.unavailable, "the saved memory does not go on here: \(reason)")
        case .system(let cause): describe(cause)
        }
    }

    static func describe(_ error: ScreenError) -> (Int32, String) {
        let instead = "'oscircular list' shows the same without a screen"
        switch error {
        case .noTerminal:
            return (
                ExitStatus.usage,
                "the menu needs a terminal on standard input and output: \(instead); 'oscircular --help' shows all commands"
            )
        case .unknownTerminal(nil):
            return (ExitStatus.unavailable, "TERM is not set, so the menu cannot be drawn: set it, or \(instead)")
        case .unknownTerminal(let name?):
            return (
                ExitStatus.unavailable,
                "the terminal '\(name)' (TERM) is not known here: set TERM to one that is, such as xterm, or \(instead)"
            )
        case .tooSimple(let name):
            return (ExitStatus.unavailable, "a terminal '\(name)' cannot show the menu: \(instead)")
        case .failed: return (ExitStatus.unavailable, "the menu could not take over the terminal: \(instead)")
        }
    }

    static func describe(_ error: GuestNetworkError) -> (Int32, String) {
        switch error {
        case .missingProgram, .sandboxUnavailable, .keyGeneration, .noUnprivilegedUser, .scope, .processFailed,
            .noKeyring:
            (ExitStatus.unavailable, "\(error)")
        case .pathTooLong: (ExitStatus.configuration, "\(error): set XDG_RUNTIME_DIR to a shorter path")
        case .unsafeDirectory, .cannotShare: (ExitStatus.notPermitted, "\(error)")
        case .held: (ExitStatus.cannotWrite, "\(error)")
        case .system(let cause): describe(cause)
        }
    }
}
