import Libvirt

extension RunningGuest {
    /// What the guest's screen shows now. Waits for QEMU, as long as a read of the guest's disk waits.
    /// - Throws: ``GuestDomainError/callFailed(cause:)``; ``Pixmap/Fault``.
    package func look() throws -> ScreenPicture {
        let shot: (type: String, bytes: [UInt8])
        do throws(LibvirtError) {
            shot = try domain.screenshot(limit: Pixmap.longest)
        } catch {
            throw GuestDomainError.callFailed(cause: error)
        }
        // Which one it is depends on the versions of libvirt and QEMU.
        return shot.type == PNGPicture.type ? try PNGPicture.read(shot.bytes) : try Pixmap.read(shot.bytes)
    }
}

extension GuestDevices {
    /// Whether there is a screen to look at.
    package var hasScreen: Bool { has(.vga) || has(.screen) || has(.gpu) }
}
