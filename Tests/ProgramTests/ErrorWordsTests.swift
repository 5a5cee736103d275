import BlockStore
import Boot
import Catalog
import ContentAddress
import Curl
import Curses
import FUSE
import Foundation
import Glibc
import GuestDomain
import GuestNetwork
import ImageIndex
import ImageMount
import Linux
import TUF
import Testing
import Vendors

@testable import Libvirt
@testable import oscircular

/// Whatever goes wrong is told in words: no name that only a compiler knows.
@Suite struct ErrorWordsTests {
    private enum Nameless: Error {
        case strange(offset: Int)
    }

    private static let system = SystemCallError(code: EIO, call: "read", subject: "/f")
    private static let bisected = BisectedSystem(catalog: "c", distribution: "d")
    private static let libvirt = LibvirtError(code: 1, domain: 1, message: "no room", call: "virDomainCreate")
    private static let block = [UInt8](repeating: 7, count: 32).withUnsafeBytes { BlockID(bytes: $0) }

    /// Errors that hold another, around each of `causes`.
    private static func around(_ cause: any Error) -> [any Error] {
        var all: [any Error] = [
            CatalogAccessError.unreachable(catalog: "c", url: "https://h/", cause: cause),
            CatalogAccessError.state(path: "/s", cause: cause), CatalogAccessError.damaged(path: "/p", cause: cause),
            BlockStoreError.unreachable(place: "p", cause: cause),
        ]
        if let cause = cause as? SystemCallError {
            all += [
                MachineError.file(cause), SuspendError.file(cause), BisectError.file(cause), BootError.file(cause),
                BootError.runtimeFolder(cause),
                ImageIndexError.file(cause),
                ImageMountError.noFUSEDevice(cause), ImageMountError.notADirectory("/m", cause),
                ImageMountError.unmountFailed(cause: .unmountFailed(cause)), GuestDomainError.system(cause),
                GuestNetworkError.system(cause), GuestNetworkError.noKeyring(cause), TUFError.state(cause),
                CacheWarning.cannotWrite(directory: "/c", cause: cause),
                CacheWarning.cannotRead(directory: "/c", cause: cause),
            ]
        }
        return all
    }

    private static func decoding() -> any Error {
        do {
            _ = try JSONDecoder().decode([String: Int].self, from: Data("{\"a\": \"b\"}".utf8))
            return CancellationError()
        } catch { return error }
    }

    private static let errors: [any Error] = {
        let ending = ChildProcess.Ending.exited(3)
        let plain: [any Error] = [
            system, SystemCallError(code: EAGAIN, call: "pthread_create", subject: "x"), CancellationError(),
            decoding(),
            Nameless.strange(offset: 0), libvirt,
            SessionFailure(exitCode: 1, message: "the guest went away"), UsageError("what?"),
            VersionFetchError.notKept(bytes: 5),
            VersionFetchError.unverifiable(
                VersionKey(catalog: "c", distribution: "d", version: "v"), reason: "gpgv is not installed"),
            BootError.packed(PackedFile(system: "s", packing: "gz", url: "https://example.org/s.gz")),
            BootError.packed(PackedFile(system: "s", packing: nil, url: "")),
            BisectError.none(nil), BisectError.none(bisected), BisectError.several([bisected, bisected]),
            BisectError.open(bisected, good: "g", bad: "b"), BisectError.same("v"),
            BisectError.backwards(good: "g", bad: "b"), BisectError.tooMany(bisected, most: 4096),
            BisectError.refused(bisected, .outside("v")),
            BisectError.refused(bisected, .contradiction("v", .good, other: "v")),
            BisectError.refused(bisected, .contradiction("v", .good, other: "w")),
            BisectError.refused(bisected, .contradiction("v", .bad, other: "w")), BisectError.over(bisected),
            BisectError.busy(bisected), BisectError.damaged(bisected, path: "/p", reason: "it is not there"),
            BisectError.newer(bisected, format: 2), BisectError.test("t", reason: "it is empty"),
            BisectError.goodUnreachable("v", reason: "nobody could log in"), BisectError.goodFails("v", code: 127),
            BisectError.notUp("v", reason: "nobody could log in"),
            MachineError.invalidName("a b", reason: "it is empty"), MachineError.exists("m"),
            MachineError.noSuchMachine("m", near: ["n"]), MachineError.running("m", session: nil),
            MachineError.running("m", session: "s"), MachineError.busy("m"),
            MachineError.suspended("m", session: "s"), SuspendError.noSuch("a", near: ["b"]), SuspendError.running("a"),
            SuspendError.misfit(SuspendMisfit(session: "a", reason: "it was saved by QEMU 10.0.2", machine: nil)),
            SuspendError.damaged("a", path: "/p", reason: "it has been cut"), SuspendError.newer("a", format: 2),
            ShareError.ofSetting("system.\"c/d\".share", .noSuchFolder("/f")),
            ShareError.ofSetting("system.\"c/d\".share", .notAFolder("/f")),
            ShareError.notGivenBack(ShareLoss(session: "a", reason: "there is no folder /f")),
            GuestDomainError.memoryNotSaved(reason: "r"), GuestDomainError.memoryMisfit(reason: "r"),
            MachineError.damaged("m", path: "/p", reason: "it is not there"), MachineError.newer("m", format: 2),
            MachineError.noSuchSnapshot(machine: "m", "s", near: []), MachineError.snapshotExists(machine: "m", "s"),
            MachineError.tooManyLayers(machine: "m", most: 64),
            MachineError.tooSmall(bytes: 1, least: 2, isImage: true),
            MachineError.tooSmall(bytes: 1, least: 2, isImage: false), MachineError.tooLarge(bytes: 2, most: 1),
            MachineError.baseChanged("m", version: "c/d@2026-11-30", kept: "sha256:a", now: "sha256:b"),
            MachineError.baseWrong("m", reason: "r"), MachineError.fileExists("/f"),
            MachineError.toolFailed(reason: "r"), MachineError.missingProgram("qemu-img", package: "qemu-utils"),
            NotFoundError(cause: CatalogAccessError.noSuchDistribution("c", near: []), other: "vendors/c"),
            NotFoundError(
                cause: VendorsError.noSuchSystem("s", near: []),
                faults: [.table(file: "t.toml", place: "title", reason: "is missing")]),
            VersionFetchError.noBootSet(VersionKey(catalog: "c", distribution: "d", version: "v")),
            VersionFetchError.wrong(
                VersionKey(catalog: "vendors", distribution: "d", version: "v"), reason: "another digest",
                servers: "example.org"),
            BootError.invalidVersionName("a@b/c"),
            BootError.unverified(
                UnverifiedBoot(
                    VersionKey(catalog: "vendors", distribution: "d", version: "v"), level: .none, least: .whole),
                isByDefault: true),
            BootError.unverified(
                UnverifiedBoot(
                    VersionKey(catalog: "vendors", distribution: "d", version: "v"), level: .whole, least: .pieces),
                isByDefault: false),
            CatalogAccessError.reservedName("vendors"), CatalogAccessError.noSuchCatalog("vendors", near: []),
            VendorsError.gone(system: "s", build: "b", url: "u"), VendorsError.noSuchSystem("s", near: ["t"]),
            VendorsError.transient(system: "s", url: "u", reason: "no answer"),
            VendorsError.unverified(system: "s", url: "u", reason: "other bytes than the vendor signed"),
            VendorsError.cannotVerify(system: "s", url: "u", reason: "an unknown key"),
            VendorsError.noVerifier(system: "s", package: "minisign"),
            TransferError.notFound(url: "u"), TransferError.http(url: "u", status: 503),
            TransferError.tooLarge(url: "u", limit: 3),
            TransferError.connection(url: "u", code: 28, message: "time is up"),
            TransferError.unsupported(url: "u", message: "no such scheme"), TransferError.cancelled,
            TransferError.refused(url: "u", message: "it leads to 10.0.0.1"),
            ImageIndexError.otherSize(expected: 1, actual: 2),
            CatalogError.tooLarge(size: 2, limit: 1), CatalogError.unknownFormat(nil), CatalogError.unknownFormat("x"),
            CatalogError.malformed(place: "", reason: "no JSON"),
            CatalogError.malformed(place: "name", reason: "empty"),
            CatalogAccessError.invalidName("X"), CatalogAccessError.invalidLocation("l", reason: "no URL"),
            CatalogAccessError.untrusted(catalog: "c", url: "u", reason: "a signature is wrong"),
            CatalogAccessError.expired(catalog: "c", url: "u", since: Timestamp(seconds: 0)),
            CatalogAccessError.endless(catalog: "c", url: "u", seconds: 60),
            CatalogAccessError.slow(catalog: "c", url: "u"), CatalogAccessError.notMetadata(catalog: "c", url: "u"),
            CatalogAccessError.damaged(path: "/p", cause: nil), CatalogAccessError.forgotten("c"),
            TUFError.untrusted(file: "f", .tooLong(limit: 9)),
            TUFError.expired(role: "root", since: UTCTime(seconds: 0)),
            CatalogAccessError.notConfirmed(catalog: "c", fingerprint: "ab"), CatalogAccessError.noCatalogs,
            CatalogAccessError.noSuchCatalog("c", near: ["d"]), CatalogAccessError.noSuchDistribution("c", near: []),
            CatalogAccessError.noSuchVersion(distribution: "d", version: "v", near: ["w"]),
            CatalogAccessError.ambiguous("d", catalogs: ["a", "b"]), CatalogAccessError.exists("c"),
            TUFError.rolledBack(file: "timestamp.json", trusted: 2, offered: 1), TUFError.notFound(file: "f"),
            TUFError.noTrustedRoot, TUFError.busy, TUFError.unsafeName("../x"),
            TUFError.targetTooLong(name: "n", length: 2, limit: 1), TUFError.cancelled,
            BlockStoreError.missing(block, place: "p"),
            BlockStoreError.corrupt(block, place: "p", reason: "another digest"),
            BlockStoreError.closed, CacheWarning.noRoom(directory: "/c"), CacheWarning.repaired(block),
            ImageIndexError.notAnIndex, ImageIndexError.truncated(expected: 2, actual: 1),
            ImageIndexError.malformed(reason: "no size"), ImageIndexError.empty,
            ImageMountError.notADirectory("/m", nil), ImageMountError.notEmpty("/m"), ImageMountError.notWritable("/m"),
            ImageMountError.notForOthers,
            ImageMountError.busy("/m"),
            ImageMountError.notMounted("/m"), ImageMountError.unusableName("."),
            ImageMountError.mountFailed(cause: .mountFailed(path: "/m", message: "no")), ImageReadError.released,
            ImageReadError.closed, ImageReadError.index(.empty),
            BootError.unsafeRuntimeFolder("/r"), BootError.longRuntimeFolder("/r"),
            BootError.configuration(file: "f", key: "k", reason: "is wrong"), BootError.noSuchSession("s", near: []),
            BootError.sessionSilent("s", pid: 4), BootError.refused(session: "s", reason: "it is stopping"),
            BootError.missingProgram("ssh", package: "openssh-client"), BootError.newerState(folder: "/s", format: "9"),
            GuestDomainError.noDaemon(uri: "qemu:///session", cause: libvirt),
            GuestDomainError.emulatorIsRoot(uri: "u"),
            GuestDomainError.noEmulator(uri: "u"), GuestDomainError.unknownArchitecture("riscv64"),
            GuestDomainError.noForeignEmulator(.aarch64, packages: ["qemu-system-arm"]),
            GuestDomainError.noForeignEmulator(.aarch64, packages: []),
            GuestDomainError.noHardwareVirtualization(reason: "no /dev/kvm"),
            GuestDomainError.startFailed(cause: libvirt), GuestDomainError.callFailed(cause: libvirt),
            GuestDomainError.overlayFailed(reason: "no room"), GuestDomainError.missingProgram("q", package: "p"),
            GuestDomainError.noUSBDevice("1.2"),
            GuestDomainError.severalUSBDevices("046d:c52b", places: ["1.2", "1.3"]),
            GuestDomainError.usbNotPermitted("1.2", path: "/dev/bus/usb/001/002"),
            GuestDomainError.noFirmware(package: "ovmf"), GuestDomainError.userDataRefused("it is empty"),
            GuestDomainError.processorTooOld(level: "x86-64-v3", missing: ["avx2"]),
            GuestDomainError.processorTooOld(level: "x86-64-v4", missing: []),
            GuestNetworkError.missingProgram("bwrap", package: "bubblewrap"), GuestNetworkError.pathTooLong("/p"),
            GuestNetworkError.unsafeDirectory("/p"), GuestNetworkError.cannotShare("/etc"),
            GuestNetworkError.sandboxUnavailable(ending, output: "no"),
            GuestNetworkError.keyGeneration(.killed(signal: 9), output: "no"), GuestNetworkError.noUnprivilegedUser,
            GuestNetworkError.scope(ending, output: "no"), GuestNetworkError.held,
            GuestNetworkError.processFailed("exit code 1"),
            ScreenError.noTerminal, ScreenError.unknownTerminal(nil), ScreenError.unknownTerminal("x"),
            ScreenError.tooSimple("dumb"), ScreenError.failed,
        ]
        return plain
            + [system, TransferError.cancelled, decoding(), CancellationError(), Nameless.strange(offset: 1)]
            .flatMap(around)
    }()

    /// `Type.case(`, `case(label: `, `Type()`, and the names of error types themselves.
    private static func hasNames(_ message: String) -> Bool {
        let names = #"[A-Z]\w+\.[a-z]\w*\(|[a-z]\w*\(\w+: |\w+\(\)|[A-Za-z]Error\b|Optional\("#
        return message.range(of: names, options: .regularExpression) != nil
    }

    @Test func noErrorIsToldByACompilersNames() {
        for error in Self.errors {
            let report = ErrorReport(error)
            #expect(!Self.hasNames(report.message), "\(report.message)")
            #expect(!report.message.isEmpty && report.exitCode != 0, "\(report)")
        }
    }

    @Test func whatWasNotAskedIsNotSaidToBeDown() {
        let refused = TransferError.refused(url: "u", message: "only you may name such a server")
        let down = TransferError.connection(url: "u", code: 7, message: "connection refused")
        for (cause, isDown) in [(refused, false), (down, true)] {
            for error: any Error in [
                CatalogAccessError.unreachable(catalog: "c", url: "https://h/", cause: cause),
                BlockStoreError.unreachable(place: "p", cause: cause),
            ] {
                let message = ErrorReport(error).message
                #expect(message.hasSuffix("that the server is up") == isDown, "\(message)")
            }
        }
    }

    /// Scripts rely on these; the man page lists them.
    private static let codes: [(any Error, Int32)] = [
        (UsageError("what?"), 64), (BootError.invalidVersionName("a@b/c"), 64),
        (CatalogAccessError.invalidName("X"), 64), (CatalogError.unknownFormat(nil), 65),
        (CatalogAccessError.forgotten("c"), 65), (CatalogAccessError.noSuchDistribution("c", near: []), 66),
        (VersionFetchError.noBootSet(VersionKey(catalog: "c", distribution: "d", version: "v")), 66),
        (TransferError.http(url: "u", status: 503), 69), (BootError.missingProgram("ssh", package: "p"), 69),
        (
            VersionFetchError.unverifiable(
                VersionKey(catalog: "c", distribution: "d", version: "v"), reason: "no gpgv"), 69
        ),
        (BootError.packed(PackedFile(system: "s", packing: "gz", url: "")), 69),
        (NotFoundError(cause: CatalogAccessError.noSuchDistribution("c", near: [])), 66),
        (VersionFetchError.notKept(bytes: 5), 73), (SystemCallError(code: ENOSPC, call: "write"), 73),
        (BootError.sessionSilent("s", pid: nil), 75), (SystemCallError(code: EBUSY, call: "open"), 75),
        (BootError.unsafeRuntimeFolder("/r"), 77), (SystemCallError(code: EACCES, call: "open"), 77),
        (BootError.configuration(file: "f", key: "k", reason: "is wrong"), 78),
        (BootError.runtimeFolder(SystemCallError(code: ENOENT, call: "mkdir")), 78), (CancellationError(), 130),
        (SessionFailure(exitCode: 42, message: "no"), 42), (Nameless.strange(offset: 0), 1),
    ]

    @Test func exitCodesAreThoseOfTheManPage() {
        for (error, code) in Self.codes { #expect(ErrorReport(error).exitCode == code, "\(error)") }
    }

    @Test func aNameThatNothingIsLikeEndsItsSentence() {
        let plain = ErrorReport(CatalogAccessError.noSuchDistribution("c", near: []))
        #expect(plain.message == "no catalog has 'c'. 'oscircular list' shows all")
        let near = ErrorReport(CatalogAccessError.noSuchDistribution("c", near: ["d"]))
        #expect(near.message == "no catalog has 'c'. Did you mean d? 'oscircular list' shows all")
    }

    @Test func aMalformedConfigurationIsToldInWords() {
        for text in ["a = [", "= 1", "[cache\n", "cache = 1979-13-01", "a = \"\\x\"", "a.b = 1\na = 2"] {
            var configuration = Configuration()
            do {
                try configuration.apply(text, file: "config.toml")
                Issue.record("\(text) was read")
            } catch {
                let message = ErrorReport(error).message
                #expect(!Self.hasNames(message), "\(message)")
            }
        }
    }
}
