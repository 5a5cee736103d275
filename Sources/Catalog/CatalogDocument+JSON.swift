import FoundationEssentials
import TUF

extension CatalogDocument {
    /// Bytes of the longest document that is read.
    package static let longest = 16_777_216
    /// Bytes of an index that readers take, so of the longest that is published: 6.7 million blocks.
    package static let longestIndex = 256 << 20

    /// Reads and checks a document. Unknown keys are ignored.
    /// - Throws: ``CatalogError``.
    package static func decode(_ bytes: [UInt8]) throws(CatalogError) -> CatalogDocument {
        let document = try decode(CatalogDocument.self, bytes)
        try document.validate()
        return document
    }

    /// Reads and checks a `sources.json`: a document of the same grammar, of which each version has a source. Versions of a
    /// format, or sure in a way, that this program does not know are left out.
    /// - Throws: ``CatalogError``.
    package static func decodeSources(_ bytes: [UInt8]) throws(CatalogError) -> CatalogDocument {
        let document = try decode(SourcesDocument.self, bytes).document
        try document.validate(as: .sources)
        return document
    }

    static func decode<Document: Decodable>(
        _ type: Document.Type, _ bytes: [UInt8]
    ) throws(CatalogError) -> Document {
        try checkJSON(bytes)
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch let error as CatalogError {
            throw error
        } catch let error as DecodingError {
            throw CatalogError(error)
        } catch {
            throw .malformed(place: "", reason: "not JSON")
        }
    }

    /// Foundation's parser takes a key twice, and which of them counts is its own affair.
    fileprivate static func checkJSON(_ bytes: [UInt8]) throws(CatalogError) {
        guard bytes.count <= longest else { throw .tooLarge(size: bytes.count, limit: longest) }
        do throws(JSONError) {
            try JSONParser.check(bytes, maximumLength: longest)
        } catch {
            throw .malformed(place: "", reason: "\(error)")
        }
    }

    /// The document as JSON: keys sorted, one a line, so that two versions of it compare well.
    /// - Throws: ``CatalogError/malformed(place:reason:)`` when ``decode(_:)`` would refuse it.
    package func encode() throws(CatalogError) -> [UInt8] {
        try validate()
        return try CatalogDocument.encode(self)
    }

    /// The document as a `sources.json`.
    /// - Throws: ``CatalogError`` when ``decodeSources(_:)`` would refuse it.
    package func encodeSources() throws(CatalogError) -> [UInt8] {
        try validate(as: .sources)
        return try CatalogDocument.encode(self)
    }

    /// What is signed, as JSON of a length that readers take.
    static func encode(_ value: some Encodable) throws(CatalogError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            let bytes = [UInt8](try encoder.encode(value)) + [UInt8(ascii: "\n")]
            guard bytes.count <= CatalogDocument.longest else {
                throw CatalogError.tooLarge(size: bytes.count, limit: CatalogDocument.longest)
            }
            return bytes
        } catch let error as CatalogError {
            throw error
        } catch {
            throw .malformed(place: "", reason: "cannot be written as JSON")
        }
    }
}

extension Distribution {
    /// Reads and checks a `distribution.json`: what a catalog's `distributions` holds, alone, from a publisher of its own.
    /// - Parameter id: the distribution's, which the document must have.
    /// - Throws: ``CatalogError``.
    package static func decode(_ bytes: [UInt8], id: String) throws(CatalogError) -> Distribution {
        try CatalogDocument.checkJSON(bytes)
        let distribution: Distribution
        do {
            distribution = try JSONDecoder().decode(Distribution.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw CatalogError(error)
        } catch {
            throw .malformed(place: "", reason: "not JSON")
        }
        guard distribution.id == id else { throw .malformed(place: "id", reason: "\(distribution.id), not \(id)") }
        try CatalogDocument(name: id, updated: .now, distributions: [distribution]).validate()
        return distribution
    }

    /// The distribution as JSON; see ``decode(_:id:)``.
    /// - Throws: ``CatalogError``.
    package func encode() throws(CatalogError) -> [UInt8] {
        try CatalogDocument(name: id, updated: .now, distributions: [self]).validate()
        return try CatalogDocument.encode(self)
    }
}

extension CatalogError {
    fileprivate init(_ error: DecodingError) {
        let (path, reason): ([any CodingKey], String) =
            switch error {
            case .typeMismatch(_, let context): (context.codingPath, "of the wrong type")
            case .valueNotFound(_, let context): (context.codingPath, "is null")
            case .keyNotFound(let key, let context): (context.codingPath + [key], "is missing")
            case .dataCorrupted(let context): (context.codingPath, context.debugDescription)
            @unknown default: ([], "cannot be read")
            }
        let place = path.reduce(into: "") { place, key in
            if let index = key.intValue {
                place += "[\(index)]"
            } else {
                place += (place.isEmpty ? "" : ".") + key.stringValue
            }
        }
        self = .malformed(place: place, reason: reason)
    }
}
