import Catalog
import ContentAddress
import Formats
import GuestDomain

extension WarmRecord {
    /// Why a guest does not start from this state, in words that go on after "the warm state is not used: "; nil where it may.
    package func misfit(with needs: WarmNeeds) -> String? {
        guard image == needs.image else { return "it is of another image" }
        guard isOfThisRelease else { return "another release of this program made it" }
        // A guest that goes on has the processor that its template had.
        var wanted = needs.guest
        wanted.processorModel = guest.processorModel
        if let reason = guest.misfit(with: wanted) { return reason }
        return memory.origin.misfit(needs.emulator, guest.accelerator, hasOwnModel: guest.processorModel != nil)
    }

    /// Whether the program that made it describes guests, and speaks with what runs in them, as this one does.
    var isOfThisRelease: Bool { park == WarmRecord.currentPark && xmlVersion == DomainXML.version }

    /// Why this is none of ours; nil where it is. It may have come from elsewhere: nothing of it is trusted that is used as a number or a name.
    package var fault: String? {
        let digests =
            [image.indexDigest, memory.digest] + [overlayDigest, variablesDigest, seedDigest].compactMap(\.self)
        guard digests.allSatisfy({ FileDigest($0) != nil }) else {
            return "its digests are not as this program writes them"
        }
        guard (overlayDigest == nil) == (guest.isCDROM), (variablesDigest == nil) == (guest.firmware == .bios),
            (seedDigest == nil) == (guest.seedSerialNumber == nil)
        else { return "it does not have the files that such a guest has" }
        guard Distribution.isValid(id: distribution), !catalog.isEmpty, !catalog.contains("/"), !version.contains("/")
        else { return "its version is not as this program names them" }
        guard (1...16_777_216).contains(guest.memoryMiB), (1...4096).contains(guest.cpus),
            [512, 4096].contains(guest.sectorSize), memory.size > 0
        else { return "no machine can have this memory, this many processors or such a disk" }
        // QEMU writes a little beside the guest's own memory: its devices, and the display adapter's.
        guard memory.content <= (UInt64(guest.memoryMiB) + 1024) << 20, memory.size <= memory.content + (64 << 20)
        else { return "its memory is larger than its guest's" }
        guard bootSeconds.isFinite, (0...604_800).contains(bootSeconds) else {
            return "no guest takes this long to boot"
        }
        return nil
    }
}

extension WarmRecord.Guest {
    /// Why a guest does not go on in this machine; nil where it may.
    func misfit(with other: WarmRecord.Guest) -> String? {
        if memoryMiB != other.memoryMiB {
            return "it has \(memoryMiB) MiB of memory, and this guest \(other.memoryMiB)"
        }
        if cpus != other.cpus { return "it has \(cpus) processor\(cpus == 1 ? "" : "s"), and this guest \(other.cpus)" }
        if accelerator != other.accelerator || architecture != other.architecture || processor != other.processor {
            return "it was made for another processor, or another kind of emulation"
        }
        if screen != other.screen { return "its screen is not this guest's" }
        if self != other { return "it has other devices than this guest" }
        return nil
    }
}
