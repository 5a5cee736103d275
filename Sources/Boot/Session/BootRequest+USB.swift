import GuestDomain
import Linux

extension BootRequest {
    /// The devices that the user hands over, where they are now.
    /// - Throws: ``GuestDomainError``.
    func usbPlaces() throws(GuestDomainError) -> [HostUSBDevice.Place] {
        var places: [HostUSBDevice.Place] = []
        for name in usb ?? [] {
            guard let device = HostUSBDevice(name) else { throw .noUSBDevice(name) }
            let place = try device.find()
            // libvirt gives the device to the QEMU of root's guests; a user's own QEMU has that user's rights.
            guard CurrentUser.isRoot || Paths.allows(.writing, place.path) else {
                throw .usbNotPermitted(name, path: place.path)
            }
            if !places.contains(place) { places.append(place) }
        }
        return places
    }
}
