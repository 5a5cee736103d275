import Libvirt
import Linux

/// Why a guest could not be made, started or steered.
package enum GuestDomainError: Error, Sendable {
    /// libvirt does not answer at this URI.
    case noDaemon(uri: String, cause: LibvirtError)
    /// QEMU would run as root there, and a guest that breaks out of it would own the machine.
    case emulatorIsRoot(uri: String)
    /// libvirt has no emulator of this machine's own processor.
    case noEmulator(uri: String)
    /// Guests of another processor than this machine's need packages that are not installed; where none is
    /// missing, libvirt does not offer the emulator.
    case noForeignEmulator(GuestArchitecture, packages: [String])
    /// No guest can have the processor that the catalog names.
    case unknownArchitecture(String)
    /// `--accel kvm` was asked for and is not possible. `reason` is a phrase.
    case noHardwareVirtualization(reason: String)
    /// libvirt or QEMU refused to start the domain; the cause holds QEMU's own message.
    case startFailed(cause: LibvirtError)
    case callFailed(cause: LibvirtError)
    /// qemu-img could not make the overlay; its message.
    case overlayFailed(reason: String)
    /// A program is not installed.
    case missingProgram(String, package: String)
    /// UEFI firmware is not installed: Debian's package of it.
    case noFirmware(package: String)
    /// The user's own data for the first boot cannot be used; why, as a phrase.
    case userDataRefused(String)
    /// The guest's programs need a processor that this machine does not have: `x86-64-v3`, and what is missing.
    case processorTooOld(level: String, missing: [String])
    /// No such USB device is plugged in.
    case noUSBDevice(String)
    /// Several are, at these places.
    case severalUSBDevices(String, places: [String])
    /// The user may not use it.
    case usbNotPermitted(String, path: String)
    /// QEMU cannot save the guest's memory, or did not; its reason, as a phrase.
    case memoryNotSaved(reason: String)
    /// A memory that was saved does not go on here; why, as a phrase.
    case memoryMisfit(reason: String)
    case system(SystemCallError)
}
