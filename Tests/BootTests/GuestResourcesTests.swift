import Catalog
import Testing

@testable import Boot

/// What a guest gets of what a catalog advises and of what its user wants.
@Suite struct GuestResourcesTests {
    private let machine = GuestResources.Available(memoryMiB: 8000, processors: 2)

    private func resources(
        memory: Int? = nil, cpus: Int? = nil, advice: GuestSettings = GuestSettings()
    ) throws(SessionFailure) -> GuestResources {
        let request = BootRequest(
            id: "a", name: "b", memoryMiB: memory, cpus: cpus, display: .none, network: "none", accel: "auto",
            connect: nil)
        return try GuestResources(request, advice: advice, on: machine)
    }

    @Test func theCatalogsAdviceIsFollowedWhereTheMachineHasIt() throws {
        let guest = try resources(advice: GuestSettings(memoryMiB: 6000, cpus: 2))
        #expect(guest.memoryMiB == 6000 && guest.cpus == 2 && guest.lowered == nil)
        let usual = try resources()
        #expect(usual.memoryMiB == 1024 && usual.cpus == 1 && usual.lowered == nil)
    }

    @Test func moreThanTheMachineHasIsLoweredAndSaid() throws {
        let guest = try resources(advice: GuestSettings(memoryMiB: 16_777_216, cpus: 4096))
        #expect(guest.memoryMiB == 6000 && guest.cpus == 2)
        #expect(
            guest.lowered
                == "the guest gets 6000 MiB of memory instead of 16777216 and 2 of 4096 processors: its catalog advises more "
                + "than this machine has")
        #expect(try resources(advice: GuestSettings(cpus: 255)).lowered?.contains("2 of 255 processors") == true)
    }

    @Test func theUsersOwnWishCounts() throws {
        let guest = try resources(memory: 7999, cpus: 8, advice: GuestSettings(memoryMiB: 100_000, cpus: 255))
        #expect(guest.memoryMiB == 7999 && guest.cpus == 8 && guest.lowered == nil)
    }

    @Test func whatNoGuestCanHaveHereIsRefusedBeforeItIsStarted() {
        let memory = #expect(throws: SessionFailure.self) { try resources(memory: 8001) }
        #expect(memory?.message.contains("this machine has 8000") == true)
        let cpus = #expect(throws: SessionFailure.self) { try resources(cpus: 256) }
        #expect(cpus?.exitCode == 64 && cpus?.message.contains("255 at most") == true)
    }
}
