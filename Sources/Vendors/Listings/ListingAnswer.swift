import Catalog
import Curl
import Formats
import TUF
import Upstream

/// A listing as a server gave it, and the builds in it.
struct ListingAnswer {
    let bytes: [UInt8]
    /// What was asked for, and what answered in the end.
    let url: String
    let answered: String
    /// The day of its last change.
    var modified: CivilDate?
    let row: VendorRow

    /// Bytes of the longest listing.
    static let longest = 33_554_432
    /// Builds that are read of one; the newest count.
    private static let most = 10_000

    private var place: VendorRow.ListingPlace { row.listing }
    private var pattern: EntryPattern? { place.entry.flatMap { EntryPattern($0) } }

    /// The builds, in any order; those that are out of place left out.
    /// - Throws: ``ListingFault``.
    func builds() throws -> [VendorBuild] {
        let found =
            switch place.kind {
            case .directory: try directory()
            case .simplestreams: try simplestreams()
            case .coreosStream: try coreosStream()
            case .releasesJSON: try releases()
            case .textList: try words()
            // These take more than one answer.
            case .gitlabPackages, .fixed: [VendorBuild]()
            }
        var allowed = found.filter(isAllowed)
        // A listing of one build was changed when that came. A page of a folder is made for each answer.
        if allowed.count == 1, allowed[0].day == nil, place.kind != .directory {
            allowed[0].day = modified.map { CalendarDate(dayNumber: $0.dayNumber) }
        }
        guard !allowed.isEmpty || found.isEmpty else {
            throw ListingFault("it names only files on other servers, such as \(URLText.public(found[0].url))")
        }
        return Array(allowed.sorted(by: VendorBuild.isOlder).suffix(ListingAnswer.most))
    }

    /// The pages of a folder's page that a pattern of folders leads on to: the two newest.
    static func folders(_ html: String, url: String, answered: String, pattern: EntryPattern) throws -> [String] {
        let page = UpstreamPage(html, url: url, answeredAs: answered)
        return pattern.matches(of: page.names).sorted().suffix(2).map { $0.fill("{entry}") }
    }

    /// A listing leads nowhere but to the servers that the table names, and not from https to http.
    private func isAllowed(_ build: VendorBuild) -> Bool {
        let isPrivate = url.hasPrefix("https:")
        guard build.url.hasPrefix("https://") || (!isPrivate && build.url.hasPrefix("http://")),
            let server = URLText.server(of: build.url), build.url == URLText.withoutCredentials(build.url),
            build.url.utf8.allSatisfy({ $0 > 32 && $0 != 127 }), !build.fileName.isEmpty
        else { return false }
        let named = place.upstream + [place.base, place.image].compactMap(\.self) + place.mirrors + [answered]
        return named.contains { URLText.server(of: $0) == server }
    }

    /// Where the files of a page are: what was asked for. A name such as `latest` leads to a dated folder of the same server; another
    /// server is a mirror that may be another the next time.
    private var folder: String {
        URLText.server(of: answered) == URLText.server(of: url)
            ? URLText.withoutQuery(answered) : URLText.withoutQuery(url)
    }

    // MARK: Kinds

    private func directory() throws -> [VendorBuild] {
        let page = UpstreamPage(String(decoding: bytes, as: UTF8.self), url: url, answeredAs: answered)
        guard !page.isCut else { throw ListingFault("its list continues after \(page.names.count) names") }
        let isFile = place.image == nil || place.image == "{entry}"
        return page.names.compactMap { name in
            guard let match = pattern?.matches(of: [name]).first else { return nil }
            let said = page.details[name]
            return VendorBuild(
                match, url: URLReference.resolve(match.fill(place.image ?? "{entry}"), against: folder),
                modified: said?.modified, size: isFile ? said?.size : nil)
        }
    }

    private func json() throws -> JSONValue {
        let start = bytes.first { ![9, 10, 13, 32].contains($0) }
        guard start != UInt8(ascii: "<") else { throw ListingFault("it is a web page, not JSON") }
        do { return try JSONParser.parseAny(bytes, maximumLength: ListingAnswer.longest) } catch {
            throw ListingFault("\(error)")
        }
    }

    private func simplestreams() throws -> [VendorBuild] {
        guard let products = try json().object?["products"]?.object else { throw ListingFault("it has no products") }
        guard let product = products[place.product ?? ""]?.object, let versions = product["versions"]?.object else {
            throw ListingFault("it has no product \(place.product ?? "")")
        }
        let pattern = pattern ?? EntryPattern("{date}{serial}")
        // Paths start from the mirror's root, not from the document.
        let root = place.base ?? answered.firstRange(of: "/streams/").map { "\(answered[..<$0.lowerBound])/" } ?? folder
        return versions.entries.compactMap { version in
            let key = version.name
            guard let match = pattern?.match(key) ?? EntryPattern("{date}_{number}:{number}")?.match(key),
                let items = version.value.object?["items"]?.object,
                let item = items[place.item ?? ""]?.object
                    ?? items.entries.map(\.value).first(where: { $0.object?["ftype"]?.string == place.item })?.object,
                let path = item["path"]?.string
            else { return nil }
            return VendorBuild(
                match, url: URLReference.resolve(URLText.encoded(path), against: root),
                size: ListingAnswer.size(item["size"]), digest: ListingAnswer.digest(item))
        }
    }

    private func coreosStream() throws -> [VendorBuild] {
        guard let document = try json().object else { throw ListingFault("it is not a stream's document") }
        let pattern = pattern ?? EntryPattern("{number}.{date}.{number}.{number}")
        if let builds = document["builds"]?.array {
            return builds.compactMap { build in
                guard let image = place.image, let id = build.object?["id"]?.string, let match = pattern?.match(id),
                    build.object?["arches"]?.array?.contains(where: { $0.string == row.architecture }) ?? true
                else { return nil }
                return VendorBuild(match, url: URLReference.resolve(match.fill(image), against: folder))
            }
        }
        let artifact = document["architectures"]?.object?[row.architecture]?.object?["artifacts"]?
            .object?[place.product ?? ""]?.object
        guard let artifact, let release = artifact["release"]?.string, let match = pattern?.match(release),
            let disk = artifact["formats"]?.object?[place.item ?? ""]?.object?["disk"]?.object,
            let location = disk["location"]?.string
        else { throw ListingFault("it has no \(place.item ?? "") of \(place.product ?? "") for \(row.architecture)") }
        return [
            VendorBuild(
                match, url: URLReference.resolve(location, against: folder), size: ListingAnswer.size(disk["size"]),
                digest: ListingAnswer.digest(disk))
        ]
    }

    private func releases() throws -> [VendorBuild] {
        var found: [VendorBuild] = []
        var rest = [try json()]
        while let value = rest.popLast() {
            if let array = value.array { rest += array }
            guard let object = value.object else { continue }
            rest += object.entries.map(\.value)
            if let product = place.product, !object.entries.contains(where: { $0.value.string == product }) { continue }
            for member in object.entries {
                guard let text = member.value.string, !text.hasSuffix("/"),
                    let match = pattern?.match(String(URLText.withoutQuery(text).split(separator: "/").last ?? ""))
                else { continue }
                let path = place.image.map(match.fill) ?? text
                found.append(
                    VendorBuild(
                        match, url: URLReference.resolve(URLText.encoded(path), against: place.base ?? folder),
                        modified: ListingAnswer.day(object), size: ListingAnswer.size(object["size"]),
                        digest: ListingAnswer.digest(object)))
                break
            }
        }
        return found
    }

    private func words() throws -> [VendorBuild] {
        let text = String(decoding: bytes, as: UTF8.self)
        guard text.drop(while: \.isWhitespace).first != "<" else { throw ListingFault("it is a web page, not a list") }
        var found: [VendorBuild] = []
        let isOfLines = place.entry?.contains("=") ?? false
        for line in text.split(whereSeparator: \.isNewline) {
            if isOfLines {
                guard let match = pattern?.match(ListingAnswer.trimmed(line)) else { continue }
                let path = match.fill(place.image ?? match.build)
                found.append(
                    VendorBuild(match, url: URLReference.resolve(URLText.encoded(path), against: place.base ?? folder)))
                continue
            }
            let words = line.split { $0.isWhitespace || "=(),*\"'".contains($0) }
            for (position, word) in words.enumerated() {
                let name = word.split(separator: "/").last ?? ""
                guard let match = pattern?.match(String(name)) else { continue }
                let path = place.image.map(match.fill) ?? String(word)
                let digest = words.first { [64, 128].contains($0.utf8.count) && Hexadecimal.bytes(String($0)) != nil }
                let size = position + 1 < words.count ? UInt64(words[position + 1]) : nil
                found.append(
                    VendorBuild(
                        match, url: URLReference.resolve(URLText.encoded(path), against: place.base ?? folder),
                        size: size,
                        digest: digest.map { "\($0.utf8.count == 64 ? "sha256" : "sha512"):\($0.lowercased())" }))
            }
        }
        return found
    }

    /// A line without quotes and the spaces around it.
    private static func trimmed(_ line: Substring) -> String {
        let text = line.filter { $0 != "\"" && $0 != "'" }.drop(while: \.isWhitespace)
        return String(text.reversed().drop(while: \.isWhitespace).reversed())
    }

    // MARK: Members

    /// A number, or a text with one.
    static func size(_ value: JSONValue?) -> UInt64? {
        let number = value?.integer.flatMap { UInt64(exactly: $0) } ?? value?.string.flatMap { UInt64($0) }
        return number.flatMap { $0 > 0 ? $0 : nil }
    }

    static func digest(_ object: NameTable<JSONValue>) -> String? {
        for (kind, digits, names) in [
            ("sha512", 128, ["sha512", "sha512_sum", "file_sha512"]),
            ("sha256", 64, ["sha256", "sha256_sum", "file_sha256", "sha256sum"]),
        ] {
            for name in names {
                guard let text = object[name]?.string, text.utf8.count == digits, Hexadecimal.bytes(text) != nil else {
                    continue
                }
                return "\(kind):\(text.lowercased())"
            }
        }
        return nil
    }

    private static func day(_ object: NameTable<JSONValue>) -> CivilDate? {
        for name in ["release_date", "created_at", "mtime", "date"] {
            guard let value = object[name] else { continue }
            if let day = value.string.flatMap({ CivilDate(String($0.prefix(10))) }) { return day }
            if let seconds = value.integer, seconds > 86_400, seconds < 253_402_300_800 {
                return CivilDate(dayNumber: Int64(seconds / 86_400))
            }
        }
        return nil
    }
}
