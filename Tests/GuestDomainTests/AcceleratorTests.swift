import Testing

@testable import GuestDomain

@Suite struct AcceleratorTests {
    @Test func emulationIsNeverRefused() {
        let (accelerator, reason) = AcceleratorChoice.tcg.probe()
        #expect(accelerator == .tcg)
        #expect(reason == "software emulation, as asked")
    }

    @Test func theAutomaticChoiceSaysWhyItEmulates() {
        let (accelerator, reason) = AcceleratorChoice.auto.probe()
        if let obstacle = AcceleratorChoice.auto.obstacle() {
            #expect(accelerator == .tcg)
            #expect(reason == "software emulation (slow): \(obstacle)")
        } else {
            #expect(accelerator == .kvm)
            #expect(reason == "hardware virtualization")
        }
    }
}
