import CLibvirt

/// libvirt's callbacks of one connection, leading to its sinks. Formed here, outside any actor.
enum EventCallbacks {
    /// Registers for all domains.
    /// - Returns: numbers for ``remove(_:from:)``.
    /// - Throws: ``LibvirtError``.
    static func register(on connection: OpaquePointer, _ sinks: EventSinks) throws(LibvirtError) -> [Int32] {
        let lifecycle: virConnectDomainEventCallback = { @Sendable _, domain, event, detail, opaque in
            EventCallbacks.deliver(LibvirtEvent(event: event, detail: detail), domain, opaque)
            return 0
        }
        let ioError: virConnectDomainEventIOErrorReasonCallback = {
            @Sendable _, domain, path, device, _, reason, opaque in
            let event = LibvirtEvent.ioError(
                path: path.map { String(cString: $0) } ?? "", device: device.map { String(cString: $0) } ?? "",
                isFull: reason.map { String(cString: $0) } == "enospc")
            EventCallbacks.deliver(event, domain, opaque)
        }
        let reboot: virConnectDomainEventGenericCallback = { @Sendable _, domain, opaque in
            EventCallbacks.deliver(.rebooted, domain, opaque)
        }
        let wanted = [
            (VIR_DOMAIN_EVENT_ID_LIFECYCLE, unsafeBitCast(lifecycle, to: virConnectDomainEventGenericCallback.self)),
            (
                VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                unsafeBitCast(ioError, to: virConnectDomainEventGenericCallback.self)
            ),
            (VIR_DOMAIN_EVENT_ID_REBOOT, reboot),
        ]
        var numbers: [Int32] = []
        for (event, callback) in wanted {
            let opaque = Unmanaged.passRetained(sinks)
            let number = virConnectDomainEventRegisterAny(
                connection, nil, Int32(event.rawValue), callback, opaque.toOpaque(), release)
            guard number >= 0 else {
                let error = LibvirtError.last("register for events")
                opaque.release()
                remove(numbers, from: connection)
                throw error
            }
            numbers.append(number)
        }
        let opaque = Unmanaged.passRetained(sinks)
        // Drivers within our own process (test:///) have no daemon that could go, and refuse.
        if virConnectRegisterCloseCallback(connection, closed, opaque.toOpaque(), release) < 0 { opaque.release() }
        return numbers
    }

    /// Takes the callbacks back; their sinks are released.
    static func remove(_ numbers: [Int32], from connection: OpaquePointer) {
        for number in numbers { virConnectDomainEventDeregisterAny(connection, number) }
        virConnectUnregisterCloseCallback(connection, closed)
    }

    private static let release: virFreeCallback = { @Sendable opaque in
        if let opaque { Unmanaged<EventSinks>.fromOpaque(opaque).release() }
    }

    private static let closed: virConnectCloseFunc = { @Sendable _, _, opaque in
        guard let opaque else { return }
        Unmanaged<EventSinks>.fromOpaque(opaque).takeUnretainedValue().end(with: .connectionLost)
    }

    private static func deliver(_ event: LibvirtEvent, _ domain: OpaquePointer?, _ opaque: UnsafeMutableRawPointer?) {
        // The domain is libvirt's: only what it is called is copied.
        guard let opaque, let domain, let name = virDomainGetName(domain) else { return }
        let sinks = Unmanaged<EventSinks>.fromOpaque(opaque).takeUnretainedValue()
        sinks.deliver(event, toDomainNamed: String(cString: name), uuid: uuid(of: domain))
    }

    /// Bytes of a UUID as text, with the zero after it.
    private static let uuidLength = 37

    private static func uuid(of domain: OpaquePointer) -> String? {
        var text = [CChar](repeating: 0, count: uuidLength)
        guard virDomainGetUUIDString(domain, &text) == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
