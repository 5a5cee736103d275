import Zlib
import Zstd

/// What decoding needs and is worth keeping from one unit to the next. One thread at a time may use it.
package final class UnitDecoder {
    private var rawInflater: RawInflater?
    private var zstdDecompressor: ZstdDecompressor?

    package init() {}

    func inflater() throws(Zlib.Failure) -> RawInflater {
        if let rawInflater { return rawInflater }
        let new = try RawInflater()
        rawInflater = new
        return new
    }

    func zstd() throws(ZstdError) -> ZstdDecompressor {
        if let zstdDecompressor { return zstdDecompressor }
        let new = try ZstdDecompressor()
        zstdDecompressor = new
        return new
    }
}
