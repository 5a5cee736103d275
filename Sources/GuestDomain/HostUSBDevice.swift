import Linux

/// A USB device of this machine that the user hands to a guest: by what it is, or by where it is plugged in.
package struct HostUSBDevice: Sendable, Equatable {
    /// `VENDOR:PRODUCT` in four hexadecimal digits each, or `BUS.DEVICE`, as `lsusb` shows them.
    package let name: String
    private let choice: Choice

    private enum Choice: Sendable, Equatable {
        case kind(vendor: String, product: String)
        case place(Place)
    }

    /// Where a device is now; another one may be there after it was pulled out.
    package struct Place: Sendable, Equatable {
        let bus: Int
        let device: Int

        /// The kernel's file for it.
        package var path: String {
            "/dev/bus/usb/\(Place.padded(bus))/\(Place.padded(device))"
        }

        private static func padded(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
        }
    }

    /// - Returns: nil for what is neither.
    package init?(_ text: String) {
        name = text.lowercased()
        let kind = name.split(separator: ":", omittingEmptySubsequences: false)
        let place = name.split(separator: ".", omittingEmptySubsequences: false)
        if kind.count == 2, kind.allSatisfy({ $0.count == 4 && $0.allSatisfy(HostUSBDevice.hexadecimal.contains) }) {
            choice = .kind(vendor: String(kind[0]), product: String(kind[1]))
        } else if place.count == 2, let bus = HostUSBDevice.number(place[0]),
            let device = HostUSBDevice.number(place[1])
        {
            choice = .place(Place(bus: bus, device: device))
        } else {
            return nil
        }
    }

    private static let hexadecimal = "0123456789abcdef"

    /// `3` or `003`.
    private static func number(_ text: Substring) -> Int? {
        guard (1...3).contains(text.count), text.allSatisfy({ ("0"..."9").contains($0) }), let number = Int(text),
            number > 0
        else { return nil }
        return number
    }

    /// Finds the device among those that are plugged in.
    /// - Parameter folder: the kernel's list of them.
    /// - Throws: ``GuestDomainError/noUSBDevice(_:)``, ``GuestDomainError/severalUSBDevices(_:_:)``.
    package func find(in folder: String = "/sys/bus/usb/devices") throws(GuestDomainError) -> Place {
        // Without USB there is no such folder, and no device.
        let places = Folder.namesIfAny(in: folder).filter { !$0.contains(":") }.compactMap { entry -> Place? in
            func value(_ file: String) -> String? {
                // A device that is pulled out meanwhile is not there.
                (try? FileContents.readText("\(folder)/\(entry)/\(file)", limit: 64))?
                    .split(separator: "\n").first.map(String.init)
            }
            guard let bus = value("busnum").flatMap({ Int($0) }), let device = value("devnum").flatMap({ Int($0) })
            else { return nil }
            let here = Place(bus: bus, device: device)
            switch choice {
            case .place(let place): return place == here ? here : nil
            case .kind(let vendor, let product):
                return value("idVendor") == vendor && value("idProduct") == product ? here : nil
            }
        }
        guard let place = places.first else { throw .noUSBDevice(name) }
        guard places.count == 1 else {
            let names = places.map { "\($0.bus).\($0.device)" }.sorted()
            throw .severalUSBDevices(name, places: names)
        }
        return place
    }
}
