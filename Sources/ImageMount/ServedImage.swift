import FUSE
import Glibc
import Logging

/// The image as FUSE reads it: the one place where an error becomes a number. The real one goes to the log.
struct ServedImage: FileReader {
    let reader: ImageReader
    let log: Logger

    func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer? {
        let read = reader.begin(offset: offset, length: size)
        if read.isComplete {
            read.buffer.withUnsafeBytes(reply)
            return nil
        }
        return { [reader, log] request in
            reader.finish(read) { result in
                switch result {
                case .success(let buffer):
                    buffer.withUnsafeBytes { request.reply($0) }
                case .failure(let error):
                    log.warning("read of \(request.size) bytes at \(request.offset): \(error)")
                    request.fail(EIO)
                }
            }
        }
    }
}
