import GuestDomain
import Testing

/// Where a saved memory may go on.
@Suite struct MemoryOriginTests {
    private static let saved = MemoryOrigin(
        emulator: .init(major: 7, minor: 2, micro: 22), machine: "pc-q35-7.2", addresses: ["<address type='pci'/"],
        processor: "a")

    private func changed(_ body: (inout MemoryOrigin) -> Void) -> MemoryOrigin {
        var origin = Self.saved
        body(&origin)
        return origin
    }

    @Test func itGoesOnWhereAllIsTheSame() {
        #expect(Self.saved.misfit(Self.saved) == nil)
        #expect(Self.saved.note(Self.saved) == nil)
        // A release with fixes alone.
        let fixed = changed { $0.emulator = .init(major: 7, minor: 2, micro: 3) }
        #expect(Self.saved.misfit(fixed) == nil && Self.saved.note(fixed) == nil)
    }

    @Test func aNewerQEMUReadsItAndThatIsSaid() {
        let newer = changed { $0.emulator = .init(major: 10, minor: 0, micro: 2) }
        #expect(Self.saved.misfit(newer) == nil)
        #expect(Self.saved.note(newer)?.contains("10.0.2") == true)
    }

    @Test func whatIsDifferentIsNamed() {
        let older = changed { $0.emulator = .init(major: 7, minor: 1, micro: 99) }
        #expect(Self.saved.misfit(older)?.contains("7.1.99") == true)
        #expect(Self.saved.misfit(changed { $0.machine = "pc-q35-10.0" })?.contains("pc-q35-10.0") == true)
        #expect(Self.saved.misfit(changed { $0.processor = "b" })?.contains("processor") == true)
        #expect(Self.saved.misfit(changed { $0.processor = nil })?.contains("processor") == true)
        #expect(Self.saved.misfit(changed { $0.addresses = [] })?.contains("devices") == true)
    }
}
