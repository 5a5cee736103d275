import CLibvirt

/// What libvirt said about a call that failed.
package struct LibvirtError: Error, Sendable, Equatable, CustomStringConvertible {
    /// `virErrorNumber`.
    package let code: Int32
    /// `virErrorDomain`: which part of libvirt.
    package let domain: Int32
    /// libvirt's own message.
    package let message: String
    /// Our call.
    package let call: String

    package init(code: Int32, domain: Int32, message: String, call: String) {
        self.code = code
        self.domain = domain
        self.message = message
        self.call = call
    }

    /// The calling thread's last error: libvirt keeps one a thread, so ask directly after the call.
    static func last(_ call: String) -> LibvirtError {
        guard let error = virGetLastError() else {
            return LibvirtError(code: 0, domain: 0, message: "no reason given", call: call)
        }
        let message = error.pointee.message.map { String(cString: $0) } ?? "no reason given"
        return LibvirtError(
            code: error.pointee.code, domain: error.pointee.domain, message: message, call: call)
    }

    /// The domain does not exist, or not any more (`VIR_ERR_NO_DOMAIN`).
    package var isNoDomain: Bool { code == Int32(VIR_ERR_NO_DOMAIN.rawValue) }

    package var description: String { "\(call): \(message)" }
}
