import Glibc
import Linux

/// Disk images for tests.
package enum PublisherFixtures {
    /// One stretch of an image, in bytes.
    package enum Stretch: Sendable {
        /// Not written at all.
        case hole(Int)
        /// Written, and zero.
        case zeros(Int)
        /// Does not compress; the same seed gives the same bytes.
        case random(Int, seed: UInt64)
    }

    /// Writes an image of the given stretches, one after the other.
    package static func writeImage(_ stretches: [Stretch], to path: String) throws {
        let file = try FileHandle(path: path, flags: O_WRONLY | O_CREAT | O_TRUNC)
        var offset = 0
        for stretch in stretches {
            let bytes: [UInt8]
            switch stretch {
            case .hole(let count):
                offset += count
                continue
            case .zeros(let count): bytes = [UInt8](repeating: 0, count: count)
            case .random(let count, let seed):
                var random = SeededRandom(seed: seed)
                bytes = random.bytes(count)
            }
            let start = off_t(offset)
            try systemCall("lseek", path) { lseek(file.descriptor, start, SEEK_SET) }
            var failure: SystemCallError?
            bytes.withUnsafeBytes { buffer in
                do throws(SystemCallError) { try file.write(buffer) } catch { failure = error }
            }
            if let failure { throw failure }
            offset += bytes.count
        }
        let end = off_t(offset)
        try systemCall("ftruncate", path) { ftruncate(file.descriptor, end) }
    }

    /// An image of exactly `size` bytes with holes, zeros that are written, repeats and data, at odd offsets too.
    package static func writeRandomImage(size: Int, seed: UInt64, to path: String) throws {
        var random = SeededRandom(seed: seed)
        var stretches: [Stretch] = []
        var left = size
        while left > 0 {
            // Whole blocks half of the time, so that repeats lie where they can be found again.
            let count =
                Bool.random(using: &random)
                ? min(left, 262_144 * Int.random(in: 1...3, using: &random))
                : Int.random(in: 1...min(left, 1_000_000), using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0: stretches.append(.hole(count))
            case 1: stretches.append(.zeros(count))
            case 2: stretches.append(.random(count, seed: 1))
            default: stretches.append(.random(count, seed: random.next()))
            }
            left -= count
        }
        try writeImage(stretches, to: path)
    }
}
