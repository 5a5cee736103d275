import Linux

/// A disk in layers as one qcow2 file of its own, made by qemu-img.
package struct DiskFlattening: Sendable {
    /// qcow2 files that name no file below them, the topmost first.
    let layers: [String]
    /// The raw image below them; nil for none.
    let image: String?

    package init(layers: [String], image: String?) {
        self.layers = layers
        self.image = image
    }

    /// Writes the disk to a new file (0600), without what is zero. Holds the calling thread.
    /// - Parameters:
    ///   - path: where nothing is yet.
    ///   - stop: ends it when it is signalled.
    ///   - progress: called with hundredths, up to 10,000.
    /// - Returns: false when it was stopped.
    /// - Throws: ``GuestDomainError``; what was written stays.
    package func write(
        to path: String, stop: EventDescriptor, progress: (Int) -> Void
    ) throws(GuestDomainError) -> Bool {
        guard let program = ProgramPath.find("qemu-img") else {
            throw .missingProgram("qemu-img", package: "qemu-utils")
        }
        do {
            // Made here first, so that nobody else ever reads it; qemu-img keeps its bits.
            _ = try FileHandle(path, for: .writing, [.createNew, .refuseLink], mode: 0o600)
            let (output, errors) = (try Pipe(), try Pipe())
            let child = try ChildProcess(
                program, ["convert", "-p", "-O", "qcow2", "json:\(source)", path], environment: nil,
                standardOutput: output.writing.descriptor, standardError: errors.writing.descriptor)
            let (ending, text) = try follow(child, [output.reading, errors.reading], stop, progress)
            guard let ending else { return false }
            if ending == .exited(0) { return true }
            if let cause = Overlay.limit(ending, text) {
                throw SystemCallError(cause, call: "write", subject: path)
            }
            let reason = text.split(separator: "\n").joined(separator: "; ")
            throw GuestDomainError.overlayFailed(
                reason: reason.isEmpty ? "qemu-img ended with \(ending.shellStatus)" : reason)
        } catch let error as SystemCallError {
            throw .system(error)
        } catch let error as GuestDomainError {
            throw error
        } catch {
            throw .overlayFailed(reason: "\(error)")
        }
    }

    /// - Returns: nil for the ending where it was stopped; and what it wrote as errors.
    private func follow(
        _ child: ChildProcess, _ streams: [FileHandle], _ stop: EventDescriptor, _ progress: (Int) -> Void
    ) throws(SystemCallError) -> (ChildProcess.Ending?, String) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        defer { buffer.deallocate() }
        var errors: [UInt8] = []
        // One that the program has closed would end every wait at once.
        var isOpen = streams.map { _ in true }
        do throws(SystemCallError) {
            for stream in streams { try stream.makeNonblocking() }
            while true {
                var sources = [PollSource(child.descriptor), PollSource(stop.descriptor)]
                sources += streams.indices.map { PollSource(isOpen[$0] ? streams[$0].descriptor : nil) }
                _ = try PollSource.wait(for: &sources)
                if sources[1].hasNews {
                    child.send(.kill)
                    child.wait()
                    return (nil, "")
                }
                for (index, stream) in streams.enumerated() where isOpen[index] {
                    reading: while true {
                        switch try stream.receive(into: buffer) {
                        case .bytes(let count):
                            let bytes = buffer[..<count]
                            if index == 1 { errors = (errors + bytes).suffix(4096) }
                            if index == 0, let share = DiskFlattening.share(of: bytes) { progress(share) }
                        case .nothingYet: break reading
                        case .end:
                            isOpen[index] = false
                            break reading
                        }
                    }
                }
                if sources[0].hasNews { return (child.wait(), String(decoding: errors, as: UTF8.self)) }
            }
        } catch {
            child.send(.kill)
            child.wait()
            throw error
        }
    }

    /// The last `(12.34/100%)` of what qemu-img writes as it goes on, in hundredths; nil where there is none.
    static func share(of bytes: some Collection<UInt8>) -> Int? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let part = text.split(separator: "(").last(where: { $0.contains("/100%") }) else { return nil }
        let digits = part.prefix { $0 != "/" }.split(separator: ".")
        guard digits.count == 2, digits[1].utf8.count == 2, let whole = Int(digits[0]), let rest = Int(digits[1]),
            (0...100).contains(whole), (0...99).contains(rest)
        else { return nil }
        return whole * 100 + rest
    }

    /// What is read, with all formats and files by name: nothing is probed, and no file is asked what is below it.
    private var source: String {
        func file(_ path: String) -> String { #"{"driver":"file","filename":\#(QuotedText.whole(path))}"# }
        let below = image.map { #"{"driver":"raw","file":\#(file($0))}"# } ?? "null"
        return layers.reversed().reduce(below) { below, layer in
            #"{"driver":"qcow2","file":\#(file(layer)),"backing":\#(below)}"#
        }
    }
}
