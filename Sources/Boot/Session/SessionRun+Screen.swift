import GuestDomain

extension SessionRun {
    /// Notes what screen and which USB devices the guest has, and what it does not have of what was asked for.
    func show(_ screen: GuestScreen?) {
        update { $0.usb = request.usb }
        guard let screen else { return }
        update {
            $0.screen = screen.kind
            $0.sharesClipboard = screen.sharesClipboard ? true : nil
        }
        guard request.sharesClipboard == true, !screen.sharesClipboard else { return }
        let text =
            "guest and desktop have no common clipboard: this machine's QEMU has no SPICE (on Debian 13 the package "
            + "qemu-system-modules-spice)"
        note("warning: \(text)\n")
        notes.withLock { $0.append(text) }
    }
}
