import CLibvirt
import Glibc
import Linux

/// A connection to a libvirt driver. All calls block and may be made from any thread; not from the cooperative pool.
// @unchecked: libvirt's connections are thread-safe; the pointer never changes.
package final class LibvirtConnection: @unchecked Sendable {
    fileprivate let pointer: OpaquePointer

    /// - Throws: ``LibvirtError``.
    package init(uri: String) throws(LibvirtError) {
        LibvirtEventLoop.start()
        guard let pointer = virConnectOpen(uri) else { throw LibvirtError.last("open \(uri)") }
        self.pointer = pointer
        // A daemon that hangs or dies is noticed.
        virConnectSetKeepAlive(pointer, 5, 12)
    }

    deinit { virConnectClose(pointer) }

    /// Whether the driver can make domains of this kind (`kvm`, `qemu`) for the host's architecture.
    package func supports(domainType: String) -> Bool {
        guard let text = virConnectGetDomainCapabilities(pointer, nil, nil, nil, domainType, 0) else { return false }
        free(text)
        return true
    }

    /// Starts a domain that exists only while it runs, and ends when this connection does.
    /// - Throws: ``LibvirtError``.
    package func createTransient(xml: String) throws(LibvirtError) -> LibvirtDomain {
        let flags = UInt32(VIR_DOMAIN_START_AUTODESTROY.rawValue)
        guard let domain = virDomainCreateXML(pointer, xml, flags) else { throw LibvirtError.last("create domain") }
        return LibvirtDomain(domain, connection: self)
    }

    /// - Throws: ``LibvirtError``; ``LibvirtError/isNoDomain`` when there is none.
    package func domain(named name: String) throws(LibvirtError) -> LibvirtDomain {
        guard let domain = virDomainLookupByName(pointer, name) else { throw LibvirtError.last("look up \(name)") }
        return LibvirtDomain(domain, connection: self)
    }

    /// Lifecycle events of all domains of this name, until the stream's consumer goes.
    /// - Throws: ``LibvirtError``.
    package func events(ofDomainNamed name: String) throws(LibvirtError) -> AsyncStream<LibvirtEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: LibvirtEvent.self, bufferingPolicy: .bufferingNewest(256))
        let sink = Unmanaged.passRetained(EventSink(name: name, continuation: continuation))
        let callback: virConnectDomainEventCallback = { @Sendable _, domain, event, detail, opaque in
            guard let opaque, let domain, let name = virDomainGetName(domain) else { return 0 }
            let sink = Unmanaged<EventSink>.fromOpaque(opaque).takeUnretainedValue()
            if String(cString: name) == sink.name {
                sink.continuation.yield(LibvirtEvent(event: event, detail: detail))
            }
            return 0
        }
        let identifier = virConnectDomainEventRegisterAny(
            pointer, nil, Int32(VIR_DOMAIN_EVENT_ID_LIFECYCLE.rawValue),
            unsafeBitCast(callback, to: virConnectDomainEventGenericCallback.self), sink.toOpaque(),
            { @Sendable opaque in
                if let opaque { Unmanaged<EventSink>.fromOpaque(opaque).release() }
            })
        guard identifier >= 0 else {
            let error = LibvirtError.last("register for events")
            sink.release()
            throw error
        }
        continuation.onTermination = { [weak self] _ in
            // libvirt may block; the terminating thread may not.
            guard let self else { return }
            WorkerThread.start(name: "libvirt events") { virConnectDomainEventDeregisterAny(self.pointer, identifier) }
        }
        return stream
    }

    private final class EventSink: Sendable {
        let name: String
        let continuation: AsyncStream<LibvirtEvent>.Continuation

        init(name: String, continuation: AsyncStream<LibvirtEvent>.Continuation) {
            self.name = name
            self.continuation = continuation
        }
    }
}
