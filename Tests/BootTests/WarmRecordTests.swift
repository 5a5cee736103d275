import GuestDomain
import Linux
import TestSupport
import Testing

@testable import Boot

/// What is written down of a warm state, and what it is compared with.
@Suite struct WarmRecordTests {
    private let fixture: WarmFixture
    private let record: WarmRecord

    init() throws {
        fixture = try WarmFixture()
        record = try fixture.make()
    }

    @Test func itIsReadAsItWasWritten() throws {
        #expect(try WarmRecord.read(record.bytes) == record)
        #expect(record.misfit(with: WarmFixture.needs()) == nil)
        #expect(record.xmlVersion == DomainXML.version && record.park == WarmRecord.currentPark)
    }

    @Test func eachThingThatDiffersIsAMisfit() {
        let changes: [(String, (inout WarmRecord, inout WarmNeeds) -> Void)] = [
            ("another image", { $1.image.indexDigest = "sha256:\(String(repeating: "c", count: 64))" }),
            ("another image", { $1.image.digest = nil }),
            ("another release", { record, _ in record.xmlVersion += 1 }),
            ("another release", { record, _ in record.park += 1 }),
            ("256 MiB", { $1.guest.memoryMiB = 512 }),
            ("1 processor", { $1.guest.cpus = 2 }),
            ("another kind of emulation", { $1.guest.accelerator = .kvm }),
            ("another processor", { $1.guest.architecture = .aarch64 }),
            ("another processor", { $1.guest.processor = "x86-64-v3" }),
            ("its screen", { $1.guest.screen = .vnc }),
            ("other devices", { $1.guest.firmware = .uefi }),
            ("other devices", { $1.guest.sectorSize = 4096 }),
            ("other devices", { $1.guest.entries.removeLast() }),
            ("other devices", { $1.guest.entries[0].length += 1 }),
            ("other devices", { $1.guest.devices = GuestDevices(WarmFixture.machine(hasSeed: true)) }),
            ("other devices", { $1.guest.mac = "52:54:00:00:00:01" }),
            ("other devices", { $1.guest.seedSerialNumber = "ds=nocloud" }),
            ("QEMU 7.2.22, and this is 7.1.9", { $1.emulator = .init(major: 7, minor: 1, micro: 9) }),
            ("another processor", { record, _ in record.memory.origin.processor = "model name: other" }),
        ]
        for (words, change) in changes {
            var (other, needs) = (record, WarmFixture.needs())
            change(&other, &needs)
            let reason = other.misfit(with: needs)
            #expect(reason?.contains(words) == true, "\(words): \(reason ?? "fits")")
        }
        // A newer QEMU reads what an older one wrote; what is not known is tried.
        var needs = WarmFixture.needs()
        needs.emulator = .init(major: 10, minor: 0, micro: 3)
        #expect(record.misfit(with: needs) == nil)
        needs.emulator = nil
        #expect(record.misfit(with: needs) == nil)
    }

    @Test func aRecordThatNoGuestCanHaveIsRefused() throws {
        let changes: [(inout WarmRecord) -> Void] = [
            { $0.image.indexDigest = "sha256:zz" }, { $0.memory.digest = "../../x" }, { $0.overlayDigest = nil },
            { $0.variablesDigest = $0.overlayDigest }, { $0.seedDigest = $0.overlayDigest },
            { $0.distribution = "../debian" }, { $0.version = "a/b" }, { $0.catalog = "" },
            { $0.guest.memoryMiB = 0 }, { $0.guest.cpus = 100_000 }, { $0.guest.sectorSize = 7 },
            { $0.memory.size = 0 }, { $0.memory.content = 1 << 62 }, { $0.memory.size = 1 << 62 },
            { $0.bootSeconds = -1 }, { $0.bootSeconds = 1e300 },
        ]
        for (number, change) in changes.enumerated() {
            var foreign = record
            change(&foreign)
            #expect(throws: WarmRecord.Unusable.self, "\(number)") { try WarmRecord.read(foreign.bytes) }
        }
        #expect(throws: WarmRecord.Unusable.self) { try WarmRecord.read(Array("{".utf8)) }
        let text = String(decoding: record.bytes, as: UTF8.self)
        let newer = text.replacing("\"format\" : 1", with: "\"format\" : 2")
        #expect(newer != text)
        #expect(throws: WarmRecord.Unusable.self) { try WarmRecord.read(Array(newer.utf8)) }
    }

    @Test func whatAUserChoosesNamesTheState() {
        let key = WarmFixture.needs().key
        #expect(
            WarmFolder.isKey(key) && !WarmFolder.isKey("\(key)0") && !WarmFolder.isKey(String(key.dropLast()) + "/"))
        var keys: Set<String> = [key]
        let changes: [(inout WarmNeeds) -> Void] = [
            { $0.image.indexDigest += "0" }, { $0.image.digest = nil }, { $0.guest.memoryMiB = 512 },
            { $0.guest.cpus = 2 }, { $0.guest.accelerator = .kvm }, { $0.guest.architecture = .aarch64 },
            { $0.guest.firmware = .uefi }, { $0.guest.screen = .spice },
        ]
        for change in changes {
            var needs = WarmFixture.needs()
            change(&needs)
            #expect(keys.insert(needs.key).inserted)
        }
        var same = WarmFixture.needs()
        same.emulator = nil
        same.guest.entries = []
        #expect(same.key == key)
    }
}
