import Catalog
import Formats

/// `index.html` of a tree: what a browser shows of it. It is made of what is signed, and is not signed itself: no reader trusts it.
///
/// It asks for nothing from anywhere and runs no script. A title is whatever a publisher wrote: nothing of it becomes markup.
struct TreePage {
    static let name = "index.html"
    /// By it a page of ours is known: another one stays as it is.
    private static let mark = "<!-- Made by oscircular-publish at each publication. -->"

    let document: CatalogDocument
    /// SHA-256 of the first root.
    let fingerprint: String

    private static let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"

    /// Whether a file is a page that was made here, and may be made anew.
    static func isOurs(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes.prefix(512), as: UTF8.self).contains(mark)
    }

    /// Versions of a system that the page has; the newest.
    private static let most = 60

    var html: String {
        let title = PageText.escape(document.name.isEmpty ? "OS Circular" : document.name)
        return """
            <!DOCTYPE html>
            \(TreePage.mark)
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <meta name="referrer" content="no-referrer">
            <meta http-equiv="Content-Security-Policy" content="\(TreePage.policy)">
            <title>\(title)</title>
            <style>\(PageText.style)\(TreePage.style)</style>
            </head>
            <body>
            <header><h1>\(title)</h1><p>\(PageText.escape(document.description))</p></header>
            \(facts)
            \(following)
            \(document.distributions.map(section).joined(separator: "\n"))
            </body>
            </html>

            """
    }

    private static let style = """
        pre { overflow-x: auto; margin: 8px 0 }
        th:nth-child(5) { text-align: left }
        a { color: var(--new) }
        h2 code { font-size: 14px }
        td svg { display: block; width: 140px; height: 10px }
        td.text { text-align: left; white-space: normal; min-width: 160px; overflow-wrap: anywhere }

        """

    private var versions: [DistributionVersion] { document.distributions.flatMap(\.versions) }

    private var facts: String {
        let days = versions.map(\.id.date)
        var facts = [("\(document.distributions.count)", "systems"), ("\(versions.count)", "versions")]
        if let first = days.min(), let last = days.max() {
            facts.append(("\((last.dayNumber - first.dayNumber) / 7 + 1)", "weeks, to \(last)"))
        }
        facts.append((ByteCount.text(versions.reduce(0) { $0 + $1.size }), "of images"))
        let added = versions.reduce(0) { $0 + ($1.addedSize ?? 0) }
        if added > 0 { facts.append((ByteCount.text(added), "of blocks in this tree")) }
        let elsewhere = versions.filter { !$0.hasBlocks }.count
        if elsewhere > 0 { facts.append(("\(elsewhere)", "read from their vendors")) }
        return "<div class=\"facts\">"
            + facts.map { number, what in
                "<div class=\"fact\"><b>\(PageText.escape(number))</b><span>\(PageText.escape(what))</span></div>"
            }.joined() + "</div>"
    }

    /// How a reader follows the tree. The page does not know its own address.
    private var following: String {
        let name = document.name.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
        return """
            <section><h2>Follow it</h2>
            <p>Each system boots in a virtual machine while it is fetched, and each block of it is verified.
            URL is the address of this page:</p>
            <pre>oscircular catalog add \(name.isEmpty ? "NAME" : name) URL --fingerprint \(PageText.escape(fingerprint))</pre>
            <p>The fingerprint is what you trust: compare it with one that came to you another way. This page itself is not signed.</p>
            </section>
            """
    }

    private func section(_ distribution: Distribution) -> String {
        var parts = [
            "<section><h2>\(PageText.escape(distribution.title)) <code>\(PageText.escape(distribution.id))</code></h2>"
        ]
        var about = [PageText.escape(distribution.summary)]
        if let home = distribution.homepage, ["https://", "http://"].contains(where: home.lowercased().hasPrefix) {
            about.append(
                "<a rel=\"noreferrer nofollow\" href=\"\(PageText.escape(home))\">\(PageText.escape(home))</a>")
        }
        if let login = distribution.guest.login { about.append("Login: \(PageText.escape(login))") }
        parts.append("<p>" + about.filter { !$0.isEmpty }.joined(separator: "<br>") + "</p>")
        parts.append(distribution.versions.isEmpty ? "<p>No version.</p>" : table(distribution))
        return parts.joined() + "</section>"
    }

    private func table(_ distribution: Distribution) -> String {
        // What the store had before each version, the oldest first.
        var (before, total): ([VersionID: UInt64], UInt64) = ([:], 0)
        for version in distribution.versions.reversed() {
            before[version.id] = total
            total += version.addedSize ?? 0
        }
        let heads = ["version", "image", "stored", "new", "growth", ""]
        let rows = distribution.versions.prefix(TreePage.most).map { version in
            let cells = [
                "\(version.id)", ByteCount.text(version.size), version.storedSize.map(ByteCount.text) ?? "",
                version.addedSize.map(ByteCount.text) ?? "",
            ]
            return "<tr>" + cells.map { "<td>\(PageText.escape($0))</td>" }.joined()
                + "<td>\(bar(before[version.id] ?? 0, version.addedSize ?? 0, of: total))</td>"
                + "<td class=\"text\">\(PageText.escape(notes(version)))</td></tr>"
        }
        let more = distribution.versions.count - rows.count
        return "<div class=\"table\"><table><tr>" + heads.map { "<th>\($0)</th>" }.joined() + "</tr>" + rows.joined()
            + "</table></div>" + (more > 0 ? "<p>And \(more) older versions.</p>" : "")
    }

    private func bar(_ before: UInt64, _ added: UInt64, of total: UInt64) -> String {
        guard total > 0 else { return "" }
        func part(_ bytes: UInt64) -> Int { Int(Double(bytes) / Double(total) * 1000) }
        return "<svg viewBox=\"0 0 1000 10\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"growth\">"
            + "<rect class=\"base\" width=\"\(part(before))\" height=\"10\"/>"
            + "<rect class=\"new\" x=\"\(part(before))\" width=\"\(part(added))\" height=\"10\"/></svg>"
    }

    private func notes(_ version: DistributionVersion) -> String {
        var notes: [String] = []
        if let source = version.source, let vendor = version.vendorHost {
            notes.append("bytes at \(vendor), \(source.format.rawValue)" + (version.hasBlocks ? ", and here" : ""))
        }
        if version.isPinned { notes.append("pinned") }
        if version.bootSet != nil { notes.append("starts while it is fetched") }
        if let pack = version.packs.filter({ $0.basis == nil }).map(\.storedSize).min() {
            notes.append("a start fetches \(ByteCount.text(pack))")
        }
        let text = version.notes.split(whereSeparator: \.isNewline).first.map { String($0.prefix(200)) }
        if let text { notes.append(text) }
        return notes.joined(separator: " · ")
    }
}
