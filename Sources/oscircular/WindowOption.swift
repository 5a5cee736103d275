import ArgumentParser
import Boot
import GuestDomain

extension SystemSettings.Clipboard: ExpressibleByArgument {}

/// What a guest's window is connected to on this machine.
struct WindowOption: ParsableArguments {
    @Option(
        help:
            "Whether guest and desktop have one clipboard: on or off. Off unless your settings of the system say otherwise."
    )
    var clipboard: SystemSettings.Clipboard?
    @Option(
        name: .customLong("usb"),
        help: ArgumentHelp(
            "A USB device of this machine that the guest has until it ends, VENDOR:PRODUCT or BUS.DEVICE; may be repeated.",
            valueName: "device"))
    var usb: [String] = []

    func validate() throws {
        for name in usb where HostUSBDevice(name) == nil {
            throw ValidationError("--usb must be VENDOR:PRODUCT or BUS.DEVICE, as 'lsusb' shows them, not '\(name)'")
        }
    }

    /// - Parameter own: what is set for the system.
    func apply(to request: inout BootRequest, own: SystemSettings) {
        request.sharesClipboard = (clipboard ?? own.clipboard)?.isOn
        request.usb = usb.isEmpty ? nil : usb
    }
}
