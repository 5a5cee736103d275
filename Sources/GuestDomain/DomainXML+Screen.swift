/// The screen of a guest with a window, what comes with it, and what the user hands over.
extension DomainXML {
    /// The display adapter, and how its pictures get out.
    static func screen(_ guest: GuestSpecification) -> String {
        guard let screen = guest.screen else { return "" }
        let video = "    <video><model type='virtio' heads='1' primary='yes'/></video>\n"
        switch screen.kind {
        case .vnc: return "    <graphics type='vnc' socket='\(escape(screen.socketPath))'/>\n" + video
        case .spice: return spice(screen) + video
        }
    }

    /// Viewers are on the same machine: nothing is compressed. The pointer is the tablet's whether the guest has an agent or not. No files pass,
    /// and there is no channel for USB or for folders.
    private static func spice(_ screen: GuestScreen) -> String {
        """
            <graphics type='spice'>
              <listen type='socket' socket='\(escape(screen.socketPath))'/>
              <image compression='off'/>
              <playback compression='off'/>
              <streaming mode='off'/>
              <mouse mode='server'/>
              <clipboard copypaste='\(screen.sharesClipboard ? "yes" : "no")'/>
              <filetransfer enable='no'/>
            </graphics>

        """
    }

    /// The line to the agent in the guest, which asks for the window's size, and has the clipboard.
    static let agent =
        "    <channel type='spicevmc'><target type='virtio' name='com.redhat.spice.0'/></channel>\n"

    /// Without an input: no guest hears the user's microphone.
    static let sound = """
            <sound model='ich9'><codec type='output'/><audio id='1'/></sound>
            <audio id='1' type='spice'/>

        """

    /// The user's own devices that the guest gets. They are not part of ``GuestDevices``: nobody can continue a guest that has one.
    static func handedOver(_ guest: GuestSpecification) -> String {
        guest.usbDevices.map { place in
            """
                <hostdev mode='subsystem' type='usb' managed='yes'>
                  <source><address bus='\(place.bus)' device='\(place.device)'/></source>
                </hostdev>

            """
        }.joined()
    }
}
