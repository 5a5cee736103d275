import Linux
import TestSupport
import Testing

@testable import GuestDomain

@Suite struct GuestScreenTests {
    private static func guest(_ kind: GuestScreen.Kind, clipboard: Bool = false) -> GuestSpecification {
        var guest = DomainXMLTests.disk
        guest.screen = GuestScreen(kind, socketPath: "/run/osc/screen/qemu", sharesClipboard: clipboard)
        return guest
    }

    private static func xml(_ kind: GuestScreen.Kind, clipboard: Bool = false) -> String {
        DomainXML.render(guest(kind, clipboard: clipboard), labelsFiles: true)
    }

    @Test func spiceComesWithSoundAndAnAgentAndLetsNothingElsePass() {
        #expect(
            Self.xml(.spice).contains(
                """
                    <graphics type='spice'>
                      <listen type='socket' socket='/run/osc/screen/qemu'/>
                      <image compression='off'/>
                      <playback compression='off'/>
                      <streaming mode='off'/>
                      <mouse mode='server'/>
                      <clipboard copypaste='no'/>
                      <filetransfer enable='no'/>
                    </graphics>
                    <video><model type='virtio' heads='1' primary='yes'/></video>
                    <controller type='usb' index='0' model='qemu-xhci'/>
                    <input type='tablet' bus='usb'/>
                    <controller type='virtio-serial' index='0'/>
                    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>
                    <sound model='ich9'><codec type='output'/><audio id='1'/></sound>
                    <audio id='1' type='spice'/>

                """))
        // No way for folders or for USB, unless the user hands a device over.
        for word in ["webdav", "redirdev", "hostdev", "smartcard"] { #expect(!Self.xml(.spice).contains(word)) }
    }

    @Test func theClipboardIsOnOnlyWhereThatIsAskedFor() {
        #expect(Self.xml(.spice, clipboard: true).contains("<clipboard copypaste='yes'/>"))
        #expect(Self.xml(.spice, clipboard: true).contains("<filetransfer enable='no'/>"))
        // The guest sees no difference: its memory goes on in either.
        #expect(GuestDevices(Self.guest(.spice)) == GuestDevices(Self.guest(.spice, clipboard: true)))
        // QEMU's VNC has none without an agent.
        #expect(!GuestScreen(.vnc, socketPath: "/s", sharesClipboard: true).sharesClipboard)
        #expect(Self.xml(.vnc, clipboard: true) == Self.xml(.vnc))
    }

    @Test(arguments: [
        ("<graphics supported='yes'><enum name='type'><value>vnc</value><value>spice</value></enum></graphics>", true),
        ("<graphics supported='yes'><enum name='type'><value>sdl</value><value>vnc</value></enum></graphics>", false),
        // Only there does the word count.
        ("<graphics supported='yes'><value>vnc</value></graphics><redirdev><value>spice</value></redirdev>", false),
        ("<graphics supported='no'/><channel supported='yes'><value>spice</value></channel>", false), ("", false),
        (nil, false),
    ])
    func whereQEMUHasNoSPICEItIsVNC(_ capabilities: String?, _ hasSPICE: Bool) {
        #expect(GuestScreen.Kind(capabilities: capabilities) == (hasSPICE ? .spice : .vnc))
    }

    // MARK: USB

    @Test(arguments: ["046d:c52b", "046D:C52B", "1.4", "001.004", "127.255"])
    func aUSBDeviceIsNamedAsLsusbNamesIt(_ text: String) { #expect(HostUSBDevice(text) != nil) }

    @Test(arguments: [
        "", ":", ".", "046d", "46d:c52b", "046d:c52g", "046d:c52b:1", "1.0", "0.1", "1.2.3", "1.1000", "-1.2", "1.+2",
        "a.b",
        "046d:c52b' x='", "/dev/bus/usb/001/002", "١.٢",
    ])
    func nothingElseNamesOne(_ text: String) { #expect(HostUSBDevice(text) == nil) }

    @Test func devicesAreFoundByKindAndByPlace() throws {
        let folder = try TemporaryDirectory()
        for (name, kind, place) in [
            ("usb1", "1d6b:0002", "1.1"), ("1-1", "046d:c52b", "1.4"), ("1-2", "0951:1666", "1.5"),
            ("2-1", "0951:1666", "2.3"),
        ] {
            let (kinds, places) = (kind.split(separator: ":"), place.split(separator: "."))
            try Folder.make(folder.path(name))
            for (file, value) in [
                ("idVendor", kinds[0]), ("idProduct", kinds[1]), ("busnum", places[0]), ("devnum", places[1]),
            ] { try folder.write(Array("\(value)\n".utf8), to: "\(name)/\(file)") }
        }
        // An interface of a device, and one that is just being pulled out.
        for name in ["1-1:1.0", "3-1"] { try Folder.make(folder.path(name)) }
        func place(_ name: String) throws -> HostUSBDevice.Place {
            try #require(HostUSBDevice(name)).find(in: folder.path)
        }
        #expect(try place("046D:c52b").path == "/dev/bus/usb/001/004")
        #expect(try place("002.003").path == "/dev/bus/usb/002/003")
        for missing in ["dead:beef", "1.99"] {
            let error = #expect(throws: GuestDomainError.self) { try place(missing) }
            guard case .noUSBDevice(missing) = error else {
                Issue.record("\(missing): \(String(describing: error))")
                return
            }
        }
        // Which of two is meant nobody can tell.
        let error = #expect(throws: GuestDomainError.self) { try place("0951:1666") }
        guard case .severalUSBDevices(_, ["1.5", "2.3"]) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        var guest = DomainXMLTests.disk
        guest.usbDevices = [try place("1.4")]
        let xml = DomainXML.render(guest, labelsFiles: true)
        #expect(xml.contains("<hostdev mode='subsystem' type='usb' managed='yes'>"))
        #expect(xml.contains("<source><address bus='1' device='4'/></source>"))
        // It has something to hang on without a window, too.
        #expect(xml.contains("model='qemu-xhci'/>"))
        #expect(!xml.contains("<controller type='usb' index='0' model='none'/>"))
    }
}
