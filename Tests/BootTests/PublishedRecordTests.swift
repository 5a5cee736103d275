import Catalog
import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// A published state's record is read as any other input: who signed it may be careless, or robbed.
@Suite struct PublishedRecordTests {
    private let fixture: PublishedStateFixture
    private let version: ChosenVersion

    init() async throws {
        fixture = try await PublishedStateFixture()
        version = try await fixture.publish()
    }

    private func read(_ record: PublishedRecord, _ offered: PublishedWarmState? = nil) throws -> PublishedRecord {
        try PublishedRecord(PublishedStateFixture.bytes(of: record), of: version, offered ?? fixture.offered)
    }

    private func fault(_ change: (inout PublishedRecord) -> Void) -> String? {
        var record = fixture.made
        change(&record)
        let error = #expect(throws: PublishedStateError.self) { _ = try read(record) }
        guard case .record(let reason)? = error else { return nil }
        return reason
    }

    @Test func aTrueOneIsReadAndBelongsToTheCatalogHere() throws {
        let record = try read(fixture.made)
        #expect(record.state.catalog == "home")
        #expect(record.state.memory == fixture.made.state.memory)
        #expect(record.state.misfit(with: PublishedStateFixture.needs()) == nil)
    }

    @Test func oneOfAnotherVersionIsRefused() {
        #expect(fault { $0.state.version = "2026-11-09" }?.contains("2026-11-09") == true)
        #expect(fault { $0.state.distribution = "ubuntu" }?.contains("ubuntu") == true)
        #expect(fault { $0.state.version = "../../x" } != nil)
    }

    @Test func oneOfAnotherMachineThanTheCatalogSaysIsRefused() {
        #expect(fault { $0.processor = "Nehalem" } != nil)
        #expect(fault { $0.state.guest.accelerator = .kvm } != nil)
        #expect(
            fault {
                let old = $0.state.memory.origin
                $0.state.memory.origin = .init(
                    emulator: old.emulator, machine: "pc-q35-10.0", addresses: old.addresses, processor: nil)
            } != nil)
        // A text that would stand in the guest's description.
        #expect(fault { $0.state.guest.processorModel = "qemu64'/><x" } != nil)
    }

    @Test func oneWithAnotherTimeThanTheCatalogSaysIsRefused() {
        #expect(fault { $0.state.bootSeconds = 604_000 }?.contains("time") == true)
    }

    @Test func onlyWhatWasMadeForOthersIsTaken() {
        #expect(fault { $0.state.isForOthers = nil }?.contains("others") == true)
        #expect(
            fault {
                let old = $0.state.memory.origin
                $0.state.memory.origin = .init(
                    emulator: old.emulator, machine: old.machine, addresses: old.addresses, processor: "the publisher's"
                )
            } != nil)
    }

    @Test func lengthsThatDoNotFitAreRefused() {
        #expect(fault { $0.parts[0].size += 1 } != nil)
        #expect(fault { $0.parts[1].size -= 1 } != nil)
        #expect(fault { $0.parts[1].size = 0 } != nil)
        #expect(fault { $0.parts[1].size = .max } != nil)
        #expect(fault { $0.parts = [] } != nil)
        #expect(fault { $0.parts.swapAt(0, 1) } != nil)
        #expect(fault { $0.parts.append($0.parts[1]) } != nil)
        #expect(fault { $0.state.memory.content = .max } != nil)
        #expect(fault { $0.state.overlayDigest = nil } != nil)
    }

    @Test func whatIsNoRecordIsRefused() throws {
        let whole = try PublishedStateFixture.bytes(of: fixture.made)
        for bytes in [[], Array("null".utf8), Array("{}".utf8), Array(whole.dropLast(20)), [0xFF, 0xFE]] {
            #expect(throws: PublishedStateError.self) { _ = try PublishedRecord(bytes, of: version, fixture.offered) }
        }
        let text = String(decoding: whole, as: UTF8.self).replacing("oscircular-warm/1", with: "oscircular-warm/2")
        #expect(throws: PublishedStateError.record("it is of the unknown format \"oscircular-warm/2\"")) {
            _ = try PublishedRecord(Array(text.utf8), of: version, fixture.offered)
        }
    }
}
