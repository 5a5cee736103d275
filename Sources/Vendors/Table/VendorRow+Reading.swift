import Catalog
import Curl
import Formats
import Upstream

extension VendorRow {
    /// - Throws: ``VendorsError/table(file:place:reason:)``.
    init(_ reader: TableReader, id: String, _ vendor: Vendor) throws(VendorsError) {
        guard let kind = try reader.choice("kind", Kind.self) else { throw reader.error("kind", "is missing") }
        guard let format = try reader.choice("format", DiskFormat.self) else {
            throw reader.error("format", "is missing")
        }
        self.id = id
        self.vendor = vendor.name
        self.kind = kind
        self.format = format
        title = try reader.needed("title")
        summary = try reader.text("summary") ?? ""
        aliases = try reader.texts("aliases")
        guard aliases.allSatisfy(Distribution.isValid) else {
            throw reader.error("aliases", "must be of the form [a-z0-9][a-z0-9._-]{0,63}")
        }
        group = try reader.text("group") ?? vendor.title
        homepage = try reader.url("homepage") ?? vendor.homepage
        release = try reader.text("release")
        architecture = try reader.text("architecture") ?? "x86_64"
        if let day = try reader.text("support-ends") {
            guard let date = CalendarDate(day) else { throw reader.error("support-ends", "must be a day, YYYY-MM-DD") }
            supportEnds = date
        }
        unchecked = try reader.text("unchecked")
        listing = try ListingPlace(reader)
        let proof = try Proof(reader, vendor, listing)
        self.proof = proof
        signers = vendor.keys.filter { proof.keys.contains($0.name) && $0.key.kind == proof.kind.keyKind }
        packing = try reader.choice("packed", Packing.self)
        isDownloadOnly = try reader.flag("download-only") || packing != nil
        sizeHint = try VendorRow.size(reader)
        keptBuilds = try reader.integer("kept-builds", in: 1...1000)
        keptDays = try reader.integer("kept-days", in: 1...10_000)
        guest = try VendorRow.guest(reader)
        if format == .iso, guest.media == nil { guest.media = .cdrom }
    }

    private static func size(_ reader: TableReader) throws(VendorsError) -> UInt64? {
        guard reader.has("size") else { return nil }
        let text = try reader.needed("size")
        // A tenth of a unit is near enough: "1.4 GB" is a tenth of "14 GB".
        let bytes = tenths(text) ?? ByteCount.parse(text)
        guard let bytes, bytes > 0 else {
            throw reader.error("size", "must be a size, such as \"600 MB\" or \"1.4 GB\"")
        }
        return bytes
    }

    /// The bytes of a number with one digit behind its point and a unit; nil for anything else.
    private static func tenths(_ text: String) -> UInt64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, (1...6).contains(parts[0].count), parts[0].allSatisfy(isDigit),
            let digit = parts[1].first, isDigit(digit)
        else { return nil }
        let unit = parts[1].dropFirst()
        let letters = unit.first == " " ? unit.dropFirst() : unit
        guard !letters.isEmpty, letters.allSatisfy({ $0.isASCII && $0.isLetter }) else { return nil }
        return ByteCount.parse("\(parts[0])\(digit)\(unit)").map { $0 / 10 }
    }

    private static func isDigit(_ character: Character) -> Bool { character.isASCII && character.isNumber }

    private static func guest(_ reader: TableReader) throws(VendorsError) -> GuestSettings {
        let user = try reader.text("user")
        if let user, !GuestSettings.isValid(user: user) {
            throw reader.error("user", "must be of the form [a-z_][a-z0-9_-]{0,31}")
        }
        return GuestSettings(
            memoryMiB: try reader.integer("memory", in: GuestSettings.memoryBounds),
            cpus: try reader.integer("cpus", in: GuestSettings.cpuBounds),
            firmware: try reader.choice("firmware", GuestSettings.Firmware.self),
            media: try reader.choice("media", GuestSettings.Media.self),
            adapter: try reader.choice("adapter", GuestSettings.Adapter.self), login: try reader.text("login"),
            seed: try reader.choice("seed", SeedKind.self), cpuLevel: try reader.choice("cpu-level", CPULevel.self),
            user: user)
    }
}

extension VendorRow.ListingPlace {
    fileprivate init(_ reader: TableReader) throws(VendorsError) {
        kind = try reader.choice("listing", Kind.self) ?? .directory
        upstream = []
        for url in try reader.urls("upstream") {
            // A query may be what a server wants for the page: an order, a token.
            let folder = URLText.withoutQuery(url)
            let query = url.dropFirst(folder.count).prefix { $0 != "#" }
            upstream.append(kind == .directory && !folder.hasSuffix("/") ? "\(folder)/\(query)" : url)
        }
        guard !upstream.isEmpty else { throw reader.error("upstream", "is missing") }
        for url in upstream {
            let folders = url.split(separator: "/").filter { $0.contains("{") }
            guard folders.count <= 2, folders.allSatisfy({ EntryPattern(String($0)) != nil }),
                URLText.server(of: url)?.contains("{") == false
            else { throw reader.error("upstream", "may have at most two folders that are patterns") }
        }
        entry = try reader.text("entry")
        if let entry, EntryPattern(entry) == nil {
            throw reader.error("entry", "must be a name with at most one {date}, and {number}, {serial} and {word}")
        }
        image = try reader.reference("image")
        build = try reader.text("build")
        if let build, !VendorBuild.isTemplate(build) {
            throw reader.error("build", "must be a name with placeholders such as {1}, {date} and {entry}")
        }
        product = try reader.text("product")
        item = try reader.text("item")
        base = try reader.url("base", isFolder: true)
        mirrors = try reader.urls("mirrors", isFolder: true)
        metalink = try reader.reference("metalink")
        most = try reader.integer("builds", in: 1...200) ?? 30
        switch kind {
        case .directory, .releasesJSON, .textList, .gitlabPackages:
            if entry == nil { throw reader.error("entry", "is missing") }
            if kind == .gitlabPackages, image == nil { throw reader.error("image", "is missing") }
        case .simplestreams, .coreosStream:
            if product == nil { throw reader.error("product", "is missing") }
            if item == nil { throw reader.error("item", "is missing") }
        case .fixed: break
        }
        if !mirrors.isEmpty, base == nil { throw reader.error("base", "is missing: it says what mirrors replace") }
    }
}

extension VendorRow.Proof {
    fileprivate init(
        _ reader: TableReader, _ vendor: Vendor, _ listing: VendorRow.ListingPlace
    ) throws(VendorsError) {
        sums = try reader.reference("sums")
        signature = try reader.reference("signature")
        torrent = try reader.reference("torrent")
        let isSigned = signature != nil || reader.has("signature-kind")
        kind = try reader.choice("signature-kind", SignatureKind.self) ?? .openpgp
        subject = try reader.choice("signed", Subject.self) ?? (isSigned ? .sums : .absent)
        let names = try reader.texts("keys")
        if let unknown = names.first(where: { name in !vendor.keys.contains { $0.name == name } }) {
            throw reader.error("keys", "names '\(unknown)', which is no key of this file")
        }
        keys = names.isEmpty ? vendor.keys.map(\.name) : names
        guard subject != .absent else {
            if isSigned { throw reader.error("signed", "must say what the signature covers") }
            if torrent != nil { throw reader.error("torrent", "is of no use without signed sums") }
            return
        }
        if subject == .sums, sums == nil { throw reader.error("sums", "is missing") }
        if kind.isEmbedded == (signature != nil) {
            throw reader.error(
                "signature", kind.isEmbedded ? "must not be given: what is signed holds it" : "is missing")
        }
        // All that a build is made of must be in what is signed.
        let isOne =
            ![.fixed, .gitlabPackages].contains(listing.kind) && !listing.upstream.contains { $0.contains("{") }
        if subject == .listing, !isOne {
            throw reader.error("signed", "cannot be listing where builds are found by several answers")
        }
        if torrent != nil, subject != .sums { throw reader.error("torrent", "is of no use without signed sums") }
        if subject == .image, kind != .openpgp { throw reader.error("signature-kind", "of an image must be openpgp") }
        let isThere = vendor.keys.contains { keys.contains($0.name) && $0.key.kind == kind.keyKind }
        guard isThere else { throw reader.error("keys", "has none of the signature's kind") }
    }
}
