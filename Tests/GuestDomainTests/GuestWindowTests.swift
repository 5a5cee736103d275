import Testing

@testable import GuestDomain

@Suite struct GuestWindowTests {
    @Test(arguments: [[:], ["DISPLAY": "", "WAYLAND_DISPLAY": ""]])
    func withoutADisplayItSaysSo(_ environment: [String: String]) {
        let words = GuestWindow.open(uri: "qemu:///session", domainName: "oscircular-abc") { environment[$0] }
        #expect(words?.contains("no display") == true)
        #expect(words?.contains("WAYLAND_DISPLAY") == true)
    }
}
