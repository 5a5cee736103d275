import Glibc
import Linux
import Testing

struct MessageSocketTests {
    /// As somebody else would send it: the package sends one descriptor at most.
    private func send(_ bytes: [UInt8], _ descriptors: [Int32], over socket: MessageSocket) throws {
        // struct cmsghdr: a length of eight bytes, level and type of four each; then the descriptors.
        var control = [UInt8](repeating: 0, count: (16 + descriptors.count * 4 + 7) / 8 * 8)
        control.withUnsafeMutableBytes { control in
            control.storeBytes(of: 16 + descriptors.count * 4, toByteOffset: 0, as: Int.self)
            control.storeBytes(of: SOL_SOCKET, toByteOffset: 8, as: Int32.self)
            control.storeBytes(of: Int32(SCM_RIGHTS), toByteOffset: 12, as: Int32.self)
            for (index, descriptor) in descriptors.enumerated() {
                control.storeBytes(of: descriptor, toByteOffset: 16 + index * 4, as: Int32.self)
            }
        }
        var bytes = bytes
        try bytes.withUnsafeMutableBytes { bytes in
            var part = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
            try control.withUnsafeMutableBytes { control in
                try withUnsafeMutablePointer(to: &part) { part in
                    var message = msghdr()
                    message.msg_iov = part
                    message.msg_iovlen = 1
                    message.msg_control = control.baseAddress
                    message.msg_controllen = control.count
                    try systemCall("sendmsg") { sendmsg(socket.descriptor, &message, Int32(MSG_NOSIGNAL)) }
                }
            }
        }
    }

    /// Whether the pipe's writing end is closed everywhere.
    private func isClosed(_ pipe: FileHandle) throws -> Bool {
        var sources = [PollSource(pipe.descriptor)]
        try PollSource.wait(for: &sources, milliseconds: 1000)
        return sources[0].found.contains(.hungUp)
    }

    @Test(arguments: [1, 2, 3, 7])
    func keepsOneDescriptorOfAMessageAndLeaksNone(count: Int) throws {
        let (here, there) = try MessageSocket.pair()
        var pipes = try (0..<count).map { _ in try Optional(Pipe()) }
        let ends = pipes.compactMap { $0?.reading }
        try send([1], pipes.compactMap { $0?.writing.descriptor }, over: there)
        pipes.removeAll()
        guard case .message([1], let file) = here.receive() else {
            Issue.record("no message")
            return
        }
        #expect(file != nil)
        for end in ends.dropFirst() { #expect(try isClosed(end)) }
        withExtendedLifetime(file) {}
    }

    @Test func keepsNoDescriptorOfAnEmptyMessage() throws {
        let (here, there) = try MessageSocket.pair()
        var pipe: Pipe? = try Pipe()
        let end = try #require(pipe?.reading)
        try send([], [try #require(pipe?.writing.descriptor)], over: there)
        pipe = nil
        guard case .end = here.receive() else {
            Issue.record("an empty message is none")
            return
        }
        #expect(try isClosed(end))
    }
}
