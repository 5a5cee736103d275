import CLibvirt
import Glibc
import Linux

/// One domain. All calls block and may be made from any thread; not from the cooperative pool.
// @unchecked: libvirt's objects are thread-safe; the pointer never changes.
package final class LibvirtDomain: @unchecked Sendable {
    let pointer: OpaquePointer
    // Keeps the connection, and so the domain, alive.
    private let connection: LibvirtConnection

    /// Takes ownership of the pointer.
    init(_ pointer: OpaquePointer, connection: LibvirtConnection) {
        self.pointer = pointer
        self.connection = connection
    }

    deinit { virDomainFree(pointer) }

    /// Where the domain is in its life.
    package enum State: Sendable, Equatable {
        case running
        case paused(isForError: Bool)
        case shuttingDown
        case off
        /// The guest suspended itself to memory, or the driver knows no state.
        case other
    }

    /// - Throws: ``LibvirtError``; ``LibvirtError/isNoDomain`` when it has gone.
    package func state() throws(LibvirtError) -> State {
        var state: Int32 = 0
        var reason: Int32 = 0
        guard virDomainGetState(pointer, &state, &reason, 0) == 0 else { throw LibvirtError.last("get state") }
        switch UInt32(bitPattern: state) {
        case VIR_DOMAIN_RUNNING.rawValue, VIR_DOMAIN_BLOCKED.rawValue: return .running
        case VIR_DOMAIN_PAUSED.rawValue:
            return .paused(isForError: UInt32(bitPattern: reason) == VIR_DOMAIN_PAUSED_IOERROR.rawValue)
        case VIR_DOMAIN_SHUTDOWN.rawValue: return .shuttingDown
        case VIR_DOMAIN_SHUTOFF.rawValue, VIR_DOMAIN_CRASHED.rawValue: return .off
        default: return .other
        }
    }

    /// Seconds of CPU that the guest has used.
    /// - Throws: ``LibvirtError``.
    package func cpuSeconds() throws(LibvirtError) -> Double {
        var information = virDomainInfo()
        guard virDomainGetInfo(pointer, &information) == 0 else { throw LibvirtError.last("get information") }
        return Double(information.cpuTime) / 1e9
    }

    /// libvirt's own description of the domain as it runs.
    /// - Throws: ``LibvirtError``.
    package func xml() throws(LibvirtError) -> String {
        guard let text = virDomainGetXMLDesc(pointer, 0) else { throw LibvirtError.last("describe domain") }
        defer { free(text) }
        return String(cString: text)
    }

    /// Presses the power button (ACPI).
    /// - Throws: ``LibvirtError``.
    package func shutdown() throws(LibvirtError) { try check("shut down", virDomainShutdown(pointer)) }

    /// Pulls the plug.
    /// - Throws: ``LibvirtError``.
    package func destroy() throws(LibvirtError) { try check("destroy", virDomainDestroy(pointer)) }

    /// - Throws: ``LibvirtError``.
    package func suspend() throws(LibvirtError) { try check("suspend", virDomainSuspend(pointer)) }

    /// - Throws: ``LibvirtError``.
    package func resume() throws(LibvirtError) { try check("resume", virDomainResume(pointer)) }

    /// Plugs a device into a domain that runs or is paused. The driver gives QEMU's user the device's files.
    /// - Parameter xml: the device as in the domain's description.
    /// - Throws: ``LibvirtError``.
    package func attach(xml: String) throws(LibvirtError) {
        try check("plug a device in", virDomainAttachDeviceFlags(pointer, xml, VIR_DOMAIN_AFFECT_LIVE.rawValue))
    }

    /// Pulls a network cable, or puts it in again: what libvirt does for interfaces that it knows, for one that it was told of as QEMU's
    /// arguments. QEMU answers after the read that waits.
    /// - Parameter netdev: its id in those arguments: letters and digits.
    /// - Throws: ``LibvirtError``.
    package func setLink(_ netdev: String, isUp: Bool) throws(LibvirtError) {
        let command = "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"\(netdev)\",\"up\":\(isUp)}}"
        try check("set the link", osc_libvirt_monitor(pointer, command))
    }

    /// Gives QEMU a command of its own (QMP). QEMU answers after the read that waits.
    /// - Parameters:
    ///   - command: JSON.
    ///   - call: what it is for, for errors.
    ///   - file: QEMU gets a descriptor of it along with the command.
    /// - Returns: QEMU's answer as JSON, which may be a refusal.
    /// - Throws: ``LibvirtError``; also where this libvirt hands no files to QEMU, as before 8.2.
    package func ask(
        _ command: String, _ call: String, passing file: FileHandle? = nil
    ) throws(LibvirtError) -> String {
        defer { withExtendedLifetime(file) {} }
        if file != nil, osc_libvirt_passes_files() == 0 {
            throw LibvirtError(code: 0, domain: 0, message: "it takes libvirt 8.2 or newer", call: call)
        }
        guard let text = osc_libvirt_ask(pointer, command, file?.descriptor ?? -1) else {
            throw LibvirtError.last(call)
        }
        defer { free(text) }
        return String(cString: text)
    }

    private func check(_ call: String, _ result: Int32) throws(LibvirtError) {
        if result < 0 { throw LibvirtError.last(call) }
    }
}
