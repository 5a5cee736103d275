import Testing

@testable import GuestDomain

@Suite struct GuestWindowTests {
    @Test(arguments: [[:], ["DISPLAY": "", "WAYLAND_DISPLAY": ""]])
    func withoutADisplayItSaysSo(_ environment: [String: String]) {
        let words = GuestWindow.open(uri: "qemu:///session", domainName: "oscircular-abc", screen: .spice) {
            environment[$0]
        }
        #expect(words?.contains("no display") == true)
        #expect(words?.contains("WAYLAND_DISPLAY") == true)
    }

    @Test func theViewerOfASPICEScreenHandsOverNoUSBDevice() {
        func arguments(_ screen: GuestScreen.Kind?) -> [String] {
            GuestWindow.arguments(uri: "qemu:///session", domainName: "-x", screen: screen)
        }
        #expect(arguments(.spice).contains("--spice-disable-usbredir"))
        for screen in [nil, .vnc] as [GuestScreen.Kind?] {
            #expect(!arguments(screen).contains("--spice-disable-usbredir"))
        }
        #expect(arguments(.spice).suffix(2) == ["--", "-x"])
    }
}
