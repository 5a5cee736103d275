import CLibvirt
import Glibc
import Linux

/// A connection to a libvirt driver. All calls block and may be made from any thread; not from the cooperative pool.
// @unchecked: libvirt's connections are thread-safe; the pointer and the numbers of the callbacks never change.
package final class LibvirtConnection: @unchecked Sendable {
    private let pointer: OpaquePointer
    private let sinks: EventSinks
    private let callbacks: [Int32]

    /// - Throws: ``LibvirtError``.
    package init(uri: String) throws(LibvirtError) {
        if let reason = osc_libvirt_load() {
            throw LibvirtError(code: 0, domain: 0, message: String(cString: reason), call: "load libvirt")
        }
        LibvirtEventLoop.start()
        guard let pointer = virConnectOpen(uri) else { throw LibvirtError.last("open \(uri)") }
        let sinks = EventSinks()
        do throws(LibvirtError) {
            callbacks = try EventCallbacks.register(on: pointer, sinks)
        } catch {
            virConnectClose(pointer)
            throw error
        }
        self.pointer = pointer
        self.sinks = sinks
        // A daemon that hangs is noticed within a minute. It asks us every few seconds, too, and then we need not.
        virConnectSetKeepAlive(pointer, 20, 3)
    }

    deinit {
        sinks.end(with: nil)
        let closing = ClosingConnection(pointer: pointer, callbacks: callbacks)
        // Closing asks the daemon and waits; the owner of the last reference may not wait.
        do { try WorkerThread.start(name: "libvirt close") { closing.close() } } catch { closing.close() }
    }

    /// Whether the daemon answers still.
    package var isAlive: Bool { virConnectIsAlive(pointer) == 1 }

    /// The version of the driver's emulator, as 1000000 * major + 1000 * minor + micro.
    /// - Throws: ``LibvirtError``.
    package func emulatorVersion() throws(LibvirtError) -> Int {
        var version: UInt = 0
        guard virConnectGetVersion(pointer, &version) == 0 else {
            throw LibvirtError.last("get the emulator's version")
        }
        return Int(clamping: version)
    }

    /// Whether the driver can make domains of this kind (`kvm`, `qemu`).
    /// - Parameters:
    ///   - architecture: the guest's processor, as `uname -m` has it.
    ///   - machine: QEMU's type of machine.
    package func supports(domainType: String, architecture: String, machine: String) -> Bool {
        domainCapabilities(domainType: domainType, architecture: architecture, machine: machine) != nil
    }

    /// What such domains can have, as libvirt's XML; nil where the driver makes none. The parameters are those of
    /// ``supports(domainType:architecture:machine:)``.
    package func domainCapabilities(domainType: String, architecture: String, machine: String) -> String? {
        guard let text = virConnectGetDomainCapabilities(pointer, nil, architecture, machine, domainType, 0) else {
            return nil
        }
        defer { free(text) }
        return String(cString: text)
    }

    /// Whether domains of a kind can have a processor here; nil where libvirt does not say. The other parameters are those of
    /// ``supports(domainType:architecture:machine:)``.
    /// - Parameter processor: libvirt's XML of it.
    package func hasProcessor(
        _ processor: String, domainType: String, architecture: String, machine: String
    ) -> Bool? {
        let answer = osc_libvirt_compare_processor(pointer, architecture, machine, domainType, processor)
        return answer < 0 ? nil : answer > 0
    }

    /// What the host and the driver can do, as libvirt's XML.
    /// - Throws: ``LibvirtError``.
    package func capabilities() throws(LibvirtError) -> String {
        guard let text = virConnectGetCapabilities(pointer) else { throw LibvirtError.last("get capabilities") }
        defer { free(text) }
        return String(cString: text)
    }

    /// Starts a domain that exists only while it runs.
    /// - Parameters:
    ///   - endsWithConnection: libvirt ends the domain when this connection closes or its process dies.
    ///   - isPaused: it does not run before it is resumed.
    /// - Throws: ``LibvirtError``.
    package func createTransient(
        xml: String, endsWithConnection: Bool = true, isPaused: Bool = false
    ) throws(LibvirtError) -> LibvirtDomain {
        var flags = endsWithConnection ? VIR_DOMAIN_START_AUTODESTROY.rawValue : VIR_DOMAIN_NONE.rawValue
        if isPaused { flags |= VIR_DOMAIN_START_PAUSED.rawValue }
        guard let domain = virDomainCreateXML(pointer, xml, flags) else { throw LibvirtError.last("create domain") }
        return LibvirtDomain(domain, connection: self)
    }

    /// - Throws: ``LibvirtError``; ``LibvirtError/isNoDomain`` when there is none.
    package func domain(named name: String) throws(LibvirtError) -> LibvirtDomain {
        guard let domain = virDomainLookupByName(pointer, name) else { throw LibvirtError.last("look up \(name)") }
        return LibvirtDomain(domain, connection: self)
    }

    /// Events of all domains of this name, until the stream's consumer goes or the connection ends.
    /// - Parameter uuid: of the one that is meant, where others have had the name before it; nil for all of the name.
    package func events(ofDomainNamed name: String, uuid: String? = nil) -> AsyncStream<LibvirtEvent> {
        sinks.stream(name: name, uuid: uuid)
    }
}

/// The last reference of a connection, on its way to the thread that closes it.
// @unchecked: the pointer has no other owner any more, and libvirt's connections are thread-safe.
private struct ClosingConnection: @unchecked Sendable {
    let pointer: OpaquePointer
    let callbacks: [Int32]

    func close() {
        // Registered callbacks hold the connection: without this it would stay open, and its guests with it.
        EventCallbacks.remove(callbacks, from: pointer)
        virConnectClose(pointer)
    }
}
