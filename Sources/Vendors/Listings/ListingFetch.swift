import BlockStore
import Catalog
import Curl
import Formats
import TUF
import Upstream

/// Asks for all that a system's builds are listed in.
struct ListingFetch {
    /// What an answer says.
    private struct Page: Sendable {
        let url: String
        /// Folders that the page leads on to; nil where it has builds.
        var folders: [String]?
        var builds: [VendorBuild] = []
    }

    let row: VendorRow
    let requests: VendorRequests
    let bodies: ListingBodies
    /// Seconds within which an answer counts for all rows.
    let age: UInt64
    /// Verifies a listing that its vendor signs, and gives what was signed.
    let verify: @Sendable (_ listing: [UInt8], _ url: String) async throws(VendorsError) -> [UInt8]
    /// Why one of several places said nothing, where another did.
    private(set) var missed: VendorsError?
    private var pages: [Page] = []

    init(
        row: VendorRow, requests: VendorRequests, bodies: ListingBodies, age: UInt64,
        verify: @escaping @Sendable ([UInt8], String) async throws(VendorsError) -> [UInt8]
    ) {
        (self.row, self.requests, self.bodies, self.age, self.verify) = (row, requests, bodies, age, verify)
    }

    private var system: String { row.id }

    /// All builds, oldest first, none twice.
    /// - Throws: ``VendorsError``.
    mutating func run() async throws(VendorsError) -> [VendorBuild] {
        var builds: [VendorBuild] = []
        var (empty, silent): (VendorsError?, VendorsError?)
        func note(_ error: VendorsError) throws(VendorsError) {
            switch error {
            // Of several places one may be empty: a release that is only announced has a folder already.
            case .structural, .gone: empty = empty ?? error
            case .transient: silent = silent ?? error
            default: throw error
            }
        }
        for upstream in row.listing.upstream {
            do throws(VendorsError) {
                for url in try await resolved(upstream) {
                    do throws(VendorsError) { builds += try await self.builds(at: url) } catch { try note(error) }
                }
            } catch {
                try note(error)
            }
        }
        if builds.isEmpty, let error = silent ?? empty { throw error }
        missed = silent
        let template = row.listing.build
        var seen: [String: Int] = [:]
        var distinct: [VendorBuild] = []
        for build in builds.map({ $0.named(template) }).sorted(by: VendorBuild.isOlder).reversed() {
            if let position = seen[build.name] {
                // Another place may say more of the same file.
                guard distinct[position].url == build.url else { continue }
                distinct[position].size = distinct[position].size ?? build.size
                distinct[position].digest = distinct[position].digest ?? build.digest
            } else {
                seen[build.name] = distinct.count
                distinct.append(build)
            }
        }
        return distinct.reversed()
    }

    // MARK: Pages

    /// The URLs that a URL with patterns for folders stands for.
    private mutating func resolved(_ url: String) async throws(VendorsError) -> [String] {
        guard let open = url.firstIndex(of: "{") else { return [url] }
        let start = url[..<open].lastIndex(of: "/").map { url.index(after: $0) } ?? url.startIndex
        let end = url[start...].firstIndex(of: "/") ?? url.endIndex
        let parent = String(url[..<start])
        guard let pattern = EntryPattern(String(url[start..<end])) else { return [] }
        let page = try await page(at: parent) { body in
            let folders = try ListingAnswer.folders(
                String(decoding: body.bytes, as: UTF8.self), url: parent, answered: body.url, pattern: pattern)
            guard !folders.isEmpty else { throw ListingFault("has no folder of the form \(url[start..<end])") }
            return Page(url: parent, folders: folders)
        }
        var urls: [String] = []
        for folder in page.folders ?? [] { urls += try await resolved("\(parent)\(folder)\(url[end...])") }
        return urls
    }

    private mutating func builds(at url: String) async throws(VendorsError) -> [VendorBuild] {
        switch row.listing.kind {
        case .fixed: return try await fixed(url)
        case .gitlabPackages: return try await packages(url)
        default: break
        }
        let row = row
        return try await page(at: url) { body in
            let builds = try ListingAnswer(
                bytes: body.bytes, url: url, answered: body.url,
                modified: body.validators.lastModified.flatMap(HTTPDate.day), row: row
            ).builds()
            guard !builds.isEmpty else {
                throw ListingFault("nothing in it has the form \(row.listing.entry ?? "of a build")")
            }
            return Page(url: url, builds: builds)
        }.builds
    }

    /// An answer, or the one before where it is as it was.
    private mutating func page(
        at url: String, read: (ListingBodies.Body) throws -> Page
    ) async throws(VendorsError) -> Page {
        if let page = pages.first(where: { $0.url == url }) { return page }
        let limit = row.listing.kind == .directory ? UpstreamPage.longest : ListingAnswer.longest
        var body = try await bodies.get(url, limit: limit, of: system, age: age)
        if row.proof.subject == .listing {
            body = ListingBodies.Body(
                bytes: try await verify(body.bytes, url), url: body.url, validators: body.validators)
        }
        let page: Page
        do { page = try read(body) } catch let fault as ListingFault {
            throw .structural(system: system, url: URLText.public(url), reason: fault.reason)
        } catch {
            throw .structural(system: system, url: URLText.public(url), reason: "cannot be read")
        }
        pages.append(page)
        return page
    }

    // MARK: Kinds of several answers

    /// GitLab's packages, and the files of the newest two: the others are looked up by their sums.
    private mutating func packages(_ url: String) async throws(VendorsError) -> [VendorBuild] {
        let row = row
        guard let pattern = row.listing.entry.flatMap({ EntryPattern($0) }), let image = row.listing.image else {
            return []
        }
        let builds = try await page(at: url) { body in
            let list = try ListingFetch.array(body.bytes)
            let builds = list.compactMap { package -> VendorBuild? in
                guard let package = package.object, let version = package["version"]?.string,
                    let match = pattern.match(version)
                else { return nil }
                var build = VendorBuild(
                    match, url: match.fill(image),
                    modified: package["created_at"]?.string.flatMap { CivilDate(String($0.prefix(10))) })
                build.texts["package"] = package["id"]?.integer.map { "\($0)" }
                return build
            }
            guard !builds.isEmpty else {
                throw ListingFault("no package's version has the form \(row.listing.entry ?? "")")
            }
            return Page(url: url, builds: builds)
        }.builds.sorted(by: VendorBuild.isOlder)
        var told = builds
        for index in told.indices.suffix(2) {
            guard let id = told[index].texts["package"] else { continue }
            let name = told[index].fileName
            let list = URLText.withoutQuery(url)
            let place = "\(list)\(list.hasSuffix("/") ? "" : "/")\(id)/package_files"
            do throws(VendorsError) {
                let build = told[index]
                let page = try await page(at: place) { body in
                    var build = build
                    let file = try ListingFetch.array(body.bytes).first { $0.object?["file_name"]?.string == name }?.object
                    build.size = ListingAnswer.size(file?["size"])
                    build.digest = file.flatMap(ListingAnswer.digest)
                    return Page(url: place, builds: [build])
                }
                told[index] = page.builds.first ?? told[index]
            } catch {
                // The file's own sums say the same when it is chosen.
                guard error.isTransient else { continue }
            }
        }
        return told
    }

    private static func array(_ bytes: [UInt8]) throws -> [JSONValue] {
        guard bytes.first != UInt8(ascii: "<") else { throw ListingFault("it is a web page, not JSON") }
        let value: JSONValue
        do { value = try JSONParser.parseAny(bytes, maximumLength: ListingAnswer.longest) } catch {
            throw ListingFault("\(error)")
        }
        guard let array = value.array else { throw ListingFault("it is not a list of packages") }
        return array
    }

    /// A file whose name never changes: what it leads to now, or what it is.
    private mutating func fixed(_ url: String) async throws(VendorsError) -> [VendorBuild] {
        let answer: RangeProbe.Answer
        do {
            answer = try await RangeProbe.ask(
                TransferPlace(url, reach: row.reach(of: url)), size: nil, isVerified: false, transfers: requests.transfers)
        } catch {
            throw VendorsError.of(error, system: system, url: url)
        }
        let place = answer.place.pinned
        let name = URLText.fileName(of: place?.url ?? url)
        let day = place?.lastModified.flatMap(HTTPDate.day)
        let server = URLText.server(of: place?.url ?? url)
        let stays = server == URLText.server(of: url) || row.listing.base.flatMap(URLText.server) == server
        if let pattern = row.listing.entry.flatMap({ EntryPattern($0) }) {
            guard let match = pattern.match(name) else {
                throw .structural(
                    system: system, url: URLText.public(url),
                    reason: "leads to \(name), which does not have the form \(row.listing.entry ?? "")")
            }
            // Another server is a mirror, and may be another the next time.
            return [VendorBuild(match, url: stays ? place?.url ?? url : url, modified: day, size: answer.size)]
        }
        let build = day.map { "\($0.description.filter { $0 != "-" })-\(answer.size)" } ?? "\(answer.size)"
        return [
            VendorBuild(
                name: build, url: url, day: day.map { CalendarDate(dayNumber: $0.dayNumber) }, size: answer.size)
        ]
    }
}

/// The day of an HTTP date: `Sun, 06 Nov 2026 08:49:37 GMT`.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func day(_ text: String) -> CivilDate? {
        let words = text.split(separator: " ")
        guard words.count >= 4, let day = Int(words[1]), let month = months.firstIndex(of: String(words[2])),
            let year = Int(words[3]), (1970...9999).contains(year)
        else { return nil }
        return CivilDate(year: year, month: month + 1, day: day)
    }
}

extension VendorsError {
    /// What a transfer's or a range's failure is for a vendor's file.
    static func of(_ error: any Error, system: String, url: String) -> VendorsError {
        let shown = URLText.public(url)
        switch error {
        case let error as VendorsError: return error
        case let error as TransferError:
            if case .notFound = error { return .gone(system: system, build: URLText.fileName(of: url), url: shown) }
            return error.isTransient || error == .cancelled
                ? .transient(system: system, url: shown, reason: "\(error)")
                : .structural(system: system, url: shown, reason: "\(error)")
        case RangeFault.gone: return .gone(system: system, build: URLText.fileName(of: url), url: shown)
        case let fault as RangeFault:
            if case .busy = fault { return .transient(system: system, url: shown, reason: "\(fault)") }
            return .structural(system: system, url: shown, reason: "\(fault)")
        default: return .transient(system: system, url: shown, reason: "\(error)")
        }
    }
}
