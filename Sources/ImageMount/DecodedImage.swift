import BlockStore
import DiskImage
import FUSE
import Formats
import Linux
import Logging
import Synchronization

/// The disk in an image that has another shape (``DiskLayout``), read by offset.
///
/// A read begins on its caller's thread: what is stored locally is decoded there and answers it at once. Otherwise all that is missing is
/// asked for together, no thread waits for it, and it is decoded on threads of its own. All waiting is the image reader's: its bounds,
/// stalls and errors are the disk's, too.
package final class DecodedImage: Sendable {
    package let layout: any DiskLayout
    private let file: ImageReader
    private let units: DecodedUnits
    private let decoders = UnitDecoders()
    private let lastDamage = Mutex<DiskImageError?>(nil)

    private static let log = Logger(label: "oscircular.mount")
    /// Not the network's: what takes long to decode must not hold up blocks that have come.
    private static let pool = DecodePool(name: "disk", threads: max(2, Machine.processors))
    /// Units up to this length are decoded on the thread of the read that finds them at hand: at most a few milliseconds for one. What has
    /// come of a longer one is kept when its reads have waited for too long: else a slow link would bring its bytes again and again.
    private static let longestDecodedAtOnce = 2 << 20

    package init(_ file: ImageReader, layout: any DiskLayout) {
        self.file = file
        self.layout = layout
        units = DecodedUnits(longestUnit: layout.longestUnit)
    }

    /// What was found wrong with the image when a read failed for it last.
    package var damage: DiskImageError? { lastDamage.withLock { $0 } }

    /// Drops the parts of the disk that are kept decoded.
    func forget() { units.forget() }

    /// Reads bytes of the disk; may read local files on the calling thread, never waits for the network.
    /// - Parameters:
    ///   - offset: within the disk, as are all bytes that are asked for.
    ///   - completion: called exactly once, before this returns or later; ``DiskImageError`` or ``ImageReadError``.
    package func read(
        offset: UInt64, length: Int, completion: @escaping @Sendable (Result<ReadBuffer, any Error>) -> Void
    ) {
        read(offset..<offset + UInt64(length), by: deadline, completion)
    }

    /// - Parameter deadline: of all waits together, in ``MonotonicClock`` nanoseconds.
    private func read(
        _ range: Range<UInt64>, by deadline: UInt64,
        _ completion: @escaping @Sendable (Result<ReadBuffer, any Error>) -> Void
    ) {
        do throws(DiskImageError) {
            switch try find(range) {
            case .tables(let tables): fetch(tables, then: range, by: deadline, completion)
            case .parts(let parts): finish(begin(parts, count: range.count), by: deadline, completion)
            }
        } catch {
            completion(.failure(error))
        }
    }

    /// Of a read that begins now.
    private var deadline: UInt64 {
        let (seconds, attoseconds) = file.options.bound.components
        return MonotonicClock.nanoseconds + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    /// Reads bytes of the disk, for structured concurrency.
    /// - Parameter range: within the disk.
    /// - Throws: ``DiskImageError``, ``ImageReadError``; ``SystemCallError`` when no thread could be started for it.
    package func read(_ range: Range<UInt64>) async throws -> [UInt8] {
        guard !range.isEmpty else { return [] }
        let buffer: ReadBuffer = try await withCheckedThrowingContinuation { continuation in
            do throws(SystemCallError) {
                try WorkerThread.start(name: "osc-read") {
                    self.read(offset: range.lowerBound, length: range.count) { continuation.resume(with: $0) }
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
        return buffer.withUnsafeBytes { Array($0) }
    }

    // MARK: Tables

    private enum Finding {
        /// They are not at hand.
        case tables([(range: Range<UInt64>, read: BegunRead)])
        case parts([DiskPart])
    }

    /// Finds a range of the disk, by the tables that are at hand.
    private func find(_ range: Range<UInt64>) throws(DiskImageError) -> Finding {
        while true {
            switch try layout.find(range) {
            case .parts(let parts): return .parts(parts)
            case .tables(let wanted):
                var missing: [(range: Range<UInt64>, read: BegunRead)] = []
                for range in wanted {
                    let read = file.begin(offset: range.lowerBound, length: range.count)
                    if read.isComplete {
                        try take(range, read.buffer)
                        file.fetchAhead(of: read)
                    } else {
                        missing.append((range, read))
                    }
                }
                if !missing.isEmpty { return .tables(missing) }
            }
        }
    }

    private func take(_ range: Range<UInt64>, _ buffer: ReadBuffer) throws(DiskImageError) {
        try buffer.withUnsafeBytes { bytes throws(DiskImageError) in try layout.take(table: range, bytes) }
    }

    private func fetch(
        _ tables: [(range: Range<UInt64>, read: BegunRead)], then range: Range<UInt64>, by deadline: UInt64,
        _ completion: @escaping @Sendable (Result<ReadBuffer, any Error>) -> Void
    ) {
        let missing = Mutex((count: tables.count, error: (any Error)?.none))
        for (table, read) in tables {
            file.finish(read, WaitTerms(deadline: deadline)) { result in
                var failure: (any Error)?
                do {
                    try self.take(table, result.get())
                } catch {
                    failure = error
                }
                let (isLast, error) = missing.withLock { missing in
                    missing.count -= 1
                    missing.error = missing.error ?? failure
                    return (missing.count == 0, missing.error)
                }
                guard isLast else { return }
                if let error { return completion(.failure(error)) }
                // Not here: this is a thread of the network's.
                DecodedImage.pool.submit { _ in
                    self.read(range, by: deadline, completion)
                }
            }
        }
    }

    // MARK: Parts

    private struct Begun {
        let buffer: ReadBuffer
        var missing: [DecodedRead.Missing] = []
        /// Complete reads of the file, which may want more of it ahead.
        var reads: [BegunRead] = []
    }

    /// Takes what is at hand, on the calling thread.
    private func begin(_ parts: [DiskPart], count: Int) -> Begun {
        var begun = Begun(buffer: ReadBuffer(count: count))
        var position = 0
        for part in parts {
            let target = position..<position + part.count
            position += part.count
            switch part.source {
            case .zeros: begun.buffer.part(target).initializeMemory(as: UInt8.self, repeating: 0)
            case .stored(let offset):
                let read = file.begin(offset: offset, length: part.count)
                if read.isComplete {
                    read.buffer.withUnsafeBytes { begun.buffer.part(target).copyMemory(from: $0) }
                    begun.reads.append(read)
                } else {
                    begun.missing.append(.stored(read, target: target))
                }
            case .unit(let unit, let from): begin(unit, from, target, &begun)
            }
        }
        return begun
    }

    private func begin(_ unit: DiskUnit, _ from: Int, _ target: Range<Int>, _ begun: inout Begun) {
        guard unit.length <= DecodedImage.longestDecodedAtOnce else {
            return begun.missing.append(.unit(unit, from: from, target: target))
        }
        switch units.ask(unit, nil) {
        case .here(let bytes): DecodedImage.copy(bytes, from, to: begun.buffer.part(target))
        case .joined, .overdue: begun.missing.append(.unit(unit, from: from, target: target))
        case .begin:
            let read = file.begin(offset: unit.stored.lowerBound, length: unit.stored.count)
            guard read.isComplete else {
                return begun.missing.append(.begun(unit, read, from: from, target: target))
            }
            let result = decode(unit, read.buffer)
            begin(units.end(unit, result))
            begun.reads.append(read)
            if case .success(let bytes) = result {
                DecodedImage.copy(bytes, from, to: begun.buffer.part(target))
            } else {
                // It says why, once more.
                begun.missing.append(.unit(unit, from: from, target: target))
            }
        }
    }

    private static func copy(_ bytes: BlockBytes, _ from: Int, to target: UnsafeMutableRawBufferPointer) {
        bytes.withUnsafeBytes {
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[from..<from + target.count]))
        }
    }

    /// Waits for what is missing, without a thread.
    private func finish(
        _ begun: Begun, by deadline: UInt64,
        _ completion: @escaping @Sendable (Result<ReadBuffer, any Error>) -> Void
    ) {
        for read in begun.reads { file.fetchAhead(of: read) }
        guard !begun.missing.isEmpty else { return completion(.success(begun.buffer)) }
        let read = DecodedRead(
            begun.buffer, parts: begun.missing.count, deadline: deadline, completion: completion)
        for missing in begun.missing {
            switch missing {
            case .stored(let part, let target):
                // After a failure elsewhere nobody waits for it.
                let terms = WaitTerms(deadline: deadline, isWanted: { [weak read] in read?.isOver == false })
                file.finish(part, terms) { result in
                    switch result {
                    case .success(let buffer): buffer.withUnsafeBytes { read.take($0, from: 0, target: target) }
                    case .failure(let error): read.end(.failure(error))
                    }
                }
            case .begun(let unit, let part, let from, let target):
                units.join(unit, DecodedUnits.Waiter(read: read, from: from, target: target))
                fetch(DecodedUnits.Turn(unit: unit, deadline: deadline), part)
            case .unit(let unit, let from, let target):
                let waiter = DecodedUnits.Waiter(read: read, from: from, target: target)
                switch units.ask(unit, waiter) {
                case .here(let bytes): waiter.take(.success(bytes))
                case .begin: begin([DecodedUnits.Turn(unit: unit, deadline: deadline)])
                case .joined: bound(read, unit)
                case .overdue(let error): read.end(.failure(error))
                }
            }
        }
    }

    /// A read whose turn does not come must end, too. No block is to blame, so a guest that pauses for it may try again at once.
    private func bound(_ read: DecodedRead, _ unit: DiskUnit) {
        read.bound { [weak file] in
            // An index that can no longer be read fails the reads themselves.
            guard let file, let block = try? file.index.block(containing: unit.stored.lowerBound) else { return nil }
            return ImageReadError.timedOut(block)
        }
    }

    // MARK: Units

    /// Fetches and decodes units whose turn it is.
    private func begin(_ next: [DecodedUnits.Turn]) {
        for turn in next {
            DecodedImage.pool.submit { _ in
                let stored = turn.unit.stored
                self.fetch(turn, self.file.begin(offset: stored.lowerBound, length: stored.count))
            }
        }
    }

    private func fetch(_ turn: DecodedUnits.Turn, _ read: BegunRead) {
        let (unit, units) = (turn.unit, units)
        var terms = WaitTerms(deadline: turn.deadline, isWanted: { units.isWanted(unit) })
        if unit.length > DecodedImage.longestDecodedAtOnce { terms.overdue = { units.isLate(unit, $0) } }
        file.finish(read, terms) { result in
            switch result {
            case .success(let buffer):
                units.hasCome(unit)
                DecodedImage.pool.submit { _ in self.begin(self.units.end(unit, self.decode(unit, buffer))) }
            case .failure(let error): self.begin(self.units.end(unit, .failure(error)))
            }
        }
    }

    private func decode(_ unit: DiskUnit, _ stored: ReadBuffer) -> Result<BlockBytes, any Error> {
        Result {
            try decoders.with { decoder in
                try BlockBytes(length: unit.length) { output throws(DiskImageError) in
                    try stored.withUnsafeBytes { bytes throws(DiskImageError) in
                        try layout.decode(unit, bytes, into: output, by: decoder)
                    }
                }
            }
        }
    }
}

extension DecodedImage: FileReader {
    package func read(offset: UInt64, size: Int, reply: (UnsafeRawBufferPointer) -> Void) -> LateAnswer? {
        let range = offset..<offset + UInt64(size)
        do throws(DiskImageError) {
            switch try find(range) {
            case .tables(let tables):
                return { request in
                    self.fetch(tables, then: range, by: self.deadline) { self.answer(request, $0) }
                }
            case .parts(let parts):
                if parts.count == 1, case .stored(let start) = parts[0].source {
                    return file.read(offset: start, size: size, reply: reply)
                }
                let begun = begin(parts, count: size)
                guard begun.missing.isEmpty else {
                    return { request in self.finish(begun, by: self.deadline) { self.answer(request, $0) } }
                }
                begun.buffer.withUnsafeBytes(reply)
                for read in begun.reads { file.fetchAhead(of: read) }
                return nil
            }
        } catch {
            let failure: any Error = error
            return { self.answer($0, .failure(failure)) }
        }
    }

    private func answer(_ request: ReadRequest, _ result: Result<ReadBuffer, any Error>) {
        switch result {
        case .success(let buffer): buffer.withUnsafeBytes { request.reply($0) }
        case .failure(let error):
            if let damage = error as? DiskImageError { lastDamage.withLock { $0 = damage } }
            DecodedImage.log.warning("read of \(request.size) bytes of the disk at \(request.offset): \(error)")
            request.fail(.inputOutput)
        }
    }
}

/// Decoders that nobody uses at the moment.
private final class UnitDecoders: Sendable {
    /// Not Sendable itself: whoever takes one out has it alone.
    private struct Idle: @unchecked Sendable {
        let decoder: UnitDecoder
    }

    private let idle = Mutex<[Idle]>([])

    func with<Value>(_ body: (UnitDecoder) throws -> Value) rethrows -> Value {
        let taken = idle.withLock { $0.popLast() } ?? Idle(decoder: UnitDecoder())
        defer { idle.withLock { $0.append(taken) } }
        return try body(taken.decoder)
    }
}

extension DiskFormat {
    /// Reads how the disk lies in an image; waits for the parts that say so.
    /// - Returns: nil where the image is the disk.
    /// - Throws: ``ImageMountError/unusableDisk(_:)``, ``ImageMountError/unreadableDisk(_:)``.
    package func layout(of image: ImageReader) throws(ImageMountError) -> (any DiskLayout)? {
        do {
            return try layout(of: WaitingFile(reader: image))
        } catch let error as DiskImageError {
            throw .unusableDisk(error)
        } catch let error as ImageReadError {
            throw .unreadableDisk(error)
        } catch {
            preconditionFailure("nothing else is thrown: \(error)")
        }
    }
}

/// An image as a file for whoever may wait for it.
private struct WaitingFile: DiskFile {
    let reader: ImageReader

    var size: UInt64 { reader.index.imageSize }

    func bytes(in range: Range<UInt64>) throws -> [UInt8] {
        let answer = Monitor<Result<ReadBuffer, ImageReadError>?>(nil)
        reader.read(offset: range.lowerBound, length: range.count) { result in answer.change { $0 = result } }
        let result = answer.wait { $0 }
        return try result.map { try $0.get().withUnsafeBytes { Array($0) } } ?? []
    }
}
