import CLibvirt
import Glibc

extension LibvirtDomain {
    /// What the domain's first screen shows now, as a picture in the driver's own format.
    ///
    /// Waits for QEMU, which answers only after a read of its disk that waits.
    /// - Parameter limit: bytes that are read at most.
    /// - Returns: the format (QEMU's is `image/x-portable-pixmap`), and the file's bytes. A guest chooses how large and what they are.
    /// - Throws: ``LibvirtError``: also for a domain without a display adapter, and for a picture that is longer than `limit`.
    package func screenshot(limit: Int) throws(LibvirtError) -> (type: String, bytes: [UInt8]) {
        let call = "take a picture of the screen"
        guard let stream = virStreamNew(virDomainGetConnect(pointer), 0) else { throw LibvirtError.last(call) }
        defer { virStreamFree(stream) }
        guard let type = virDomainScreenshot(pointer, stream, 0, 0) else { throw LibvirtError.last(call) }
        defer { free(type) }
        var bytes: [UInt8] = []
        // As much as a packet of libvirt's holds.
        var buffer = [CChar](repeating: 0, count: 262_120)
        while true {
            let count = Int(virStreamRecv(stream, &buffer, buffer.count))
            if count == 0 { break }
            guard count > 0, bytes.count + count <= limit else {
                let error =
                    count < 0
                    ? LibvirtError.last(call)
                    : LibvirtError(code: 0, domain: 0, message: "it is longer than \(limit) bytes", call: call)
                virStreamAbort(stream)
                throw error
            }
            buffer.withUnsafeBytes { bytes += $0[..<count] }
        }
        if virStreamFinish(stream) < 0 { throw LibvirtError.last(call) }
        return (String(cString: type), bytes)
    }
}
