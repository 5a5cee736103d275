import Testing

@testable import GuestDomain

@Suite struct ProcessorLevelTests {
    private static let second: Set<String> = ["cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"]

    private func missing(_ level: ProcessorLevel, _ accelerator: Accelerator, _ flags: Set<String>) -> [String]? {
        do throws(GuestDomainError) { try level.check(accelerator, flags: flags) } catch {
            guard case .processorTooOld(level.rawValue, let missing) = error else { return ["\(error)"] }
            return missing
        }
        return nil
    }

    @Test func aProcessorThatLacksAFlagIsRefusedByItsName() {
        #expect(missing(.v2, .kvm, Self.second) == nil)
        #expect(missing(.v2, .kvm, Self.second.subtracting(["popcnt"])) == ["popcnt"])
        #expect(missing(.v3, .kvm, Self.second)?.contains("avx2") == true)
        #expect(missing(.v1, .kvm, ["fpu"]) == nil)
        // Where /proc is missing nothing is known.
        #expect(missing(.v4, .kvm, []) == nil)
    }

    @Test func emulationHasTheThirdLevelAndNotTheFourth() {
        #expect(missing(.v3, .tcg, ["fpu"]) == nil)
        #expect(missing(.v4, .tcg, ["fpu"]) == [])
    }

    @Test func emulationGivesAProcessorOfTheLevelThatIsNeeded() {
        var guest = DomainXMLTests.disk
        #expect(DomainXML.render(guest, labelsFiles: true).contains("<model fallback='forbid'>qemu64</model>"))
        guest.processor = .v1
        #expect(DomainXML.render(guest, labelsFiles: true).contains("<model fallback='forbid'>qemu64</model>"))
        guest.processor = .v2
        #expect(DomainXML.render(guest, labelsFiles: true).contains("  <cpu mode='maximum'/>\n"))
        guest.accelerator = .kvm
        #expect(DomainXML.render(guest, labelsFiles: true).contains("  <cpu mode='host-passthrough'/>\n"))
    }
}
