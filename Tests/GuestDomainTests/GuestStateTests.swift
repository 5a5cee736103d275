import Libvirt
import Linux
import TestSupport
import Testing

@testable import GuestDomain

/// What counts as the end of a guest when libvirt is asked.
@Suite struct GuestStateTests {
    @Test func onlyADomainThatLibvirtDoesNotKnowIsGone() async throws {
        let connection = try await WorkerThread.run(name: "test-libvirt") {
            try LibvirtConnection(uri: "test:///default")
        }
        let xml = "<domain type='test'><name>gone</name><memory>1024</memory><os><type>hvm</type></os></domain>"
        let states = try await WorkerThread.run(name: "test-libvirt") {
            let domain = try connection.createTransient(xml: xml, endsWithConnection: false)
            let running = GuestState { try domain.state() }
            try domain.destroy()
            return [running, GuestState { try domain.state() }]
        }
        #expect(states == [.running, .off])
    }

    /// libvirt's numbers: internal error, no memory, no reply over RPC, a system call failed, nothing at all.
    @Test(arguments: [1, 2, 39, 38, 0])
    func anAnswerThatDoesNotComeSaysNothing(code: Int32) {
        let state = GuestState { throw LibvirtError(code: code, domain: 7, message: "passing", call: "get state") }
        #expect(state == .unknown)
    }

    @Test func aGuestThatStartsAnewIsNotGone() {
        #expect(GuestEvent(.rebooted) == .restarted)
        #expect(GuestEvent(.connectionLost) == .stopped(hasFailed: true))
    }

    @Test func aThreadThatCannotBeHadSaysNothing() {
        #expect(GuestState { throw SystemCallError(code: 11, call: "pthread_create") } == .unknown)
        #expect(GuestState(.other) == .unknown)
    }
}
