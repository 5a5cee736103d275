import Boot
import Catalog
import Curl
import Curses

/// Screens of text: details, help and log.
enum TextScreens {
    static func draw(_ state: MenuState, _ layout: Layout, on page: inout Page) {
        let width = page.size.columns
        if layout.isBoxed {
            page.box(top: layout.bodyTop, left: 0, width: width, height: layout.bodyHeight, title: title(state))
        }
        let all = lines(state, width: layout.textWidth, glyphs: page.glyphs)
        let top = state.top.position.top
        for offset in 0..<layout.listHeight where all.indices.contains(top + offset) {
            all[top + offset].draw(
                row: layout.listTop + offset, column: layout.innerLeft + 1, width: layout.textWidth, on: &page)
        }
        if layout.isBoxed, all.count > layout.listHeight {
            let range = " \(top + 1)-\(min(all.count, top + layout.listHeight)) of \(all.count) "
            page.footer(row: layout.bodyTop + layout.bodyHeight - 1, left: 0, width: width, text: range)
        }
    }

    private static func title(_ state: MenuState) -> String {
        switch state.top.screen {
        case .details(let image): state.system(image.system)?.distribution.title ?? image.distribution
        case .log: "Log"
        default: "Keys"
        }
    }

    /// The text of the screen that is shown, wrapped.
    static func lines(_ state: MenuState, width: Int, glyphs: Glyphs) -> [AboutLine] {
        switch state.top.screen {
        case .details(let image): details(image, state, width: width, glyphs: glyphs)
        case .log: log(state, width: width, glyphs: glyphs)
        case .help: help(state, width: width, glyphs: glyphs)
        default: []
        }
    }

    // MARK: Details

    private static func details(_ image: VersionKey, _ state: MenuState, width: Int, glyphs: Glyphs) -> [AboutLine] {
        guard let system = state.system(image.system) else {
            return [AboutLine("No catalog offers \(image) any more.")]
        }
        let distribution = system.distribution
        guard let version = image.version.isEmpty ? system.newest : state.version(image) else {
            guard image.version.isEmpty else { return [AboutLine("No catalog offers \(image) any more.")] }
            return introduction(distribution, width: width, glyphs: glyphs)
                + AboutLines.listing(of: system, state, width: width, limit: 12, glyphs: glyphs)
                + AboutLines.unknown(system, state)
        }
        let image = version.key
        let catalog = state.catalog(image.catalog)
        var lines = introduction(distribution, width: width, glyphs: glyphs)
        lines += AboutLines.facts(version, system, state)
        let published = version.version.published
        lines.append(
            AboutLine("published", "\(published.description.prefix(10)) \(Format.clock(published.seconds)) UTC"))
        lines.append(AboutLine("name", "\(image)"))
        if system.isVendors {
            lines += AboutLines.listing(of: system, state, width: width, limit: 6, glyphs: glyphs)
            lines.append(AboutLine("vendor", system.vendor))
        } else {
            lines.append(
                AboutLine("catalog", [catalog?.url ?? "", catalog?.state.rawValue ?? ""].joined(separator: "  ")))
        }
        for mirror in catalog?.mirrors ?? [] { lines.append(AboutLine("mirror", mirror)) }
        if let source = version.version.source {
            lines += file(source, version)
        } else {
            lines.append(AboutLine("index", version.version.index))
            lines.append(AboutLine("digest", version.version.digest?.description ?? "not published"))
        }
        lines.append(
            AboutLine(
                "machine",
                distribution.architecture + (distribution.guest.memoryMiB.map { ", \(Format.count($0)) MiB" } ?? ""))
        )
        if let homepage = distribution.homepage, !homepage.isEmpty { lines.append(AboutLine("home page", homepage)) }
        if !version.version.notes.isEmpty {
            lines.append(.empty)
            lines += glyphs.wrap(version.version.notes, width, limit: 200).map { AboutLine($0) }
        }
        // Long values are wrapped: details are shown in full.
        return AboutLines.wrapped(lines, width: width, limit: 100, glyphs: glyphs)
    }

    private static func introduction(_ distribution: Distribution, width: Int, glyphs: Glyphs) -> [AboutLine] {
        guard !distribution.summary.isEmpty else { return [] }
        return glyphs.wrap(distribution.summary, width, limit: 6).map { AboutLine($0) } + [.empty]
    }

    /// The vendor's file.
    private static func file(_ source: VersionSource, _ version: VersionSummary) -> [AboutLine] {
        var lines = [AboutLine("format", source.format.rawValue)]
        for (number, url) in source.urls.enumerated() {
            lines.append(AboutLine(number == 0 ? "file" : "mirror", URLText.withoutCredentials(url)))
        }
        if let size = source.size { lines.append(AboutLine("size", Format.bytes(size))) }
        if source.digests.isEmpty {
            // Asked for its builds the vendor names them; what it says of one is fetched when somebody wants that.
            let text = version.content == nil ? "known once it is booted or fetched" : "its vendor publishes none"
            lines.append(AboutLine("digest", text))
        }
        for digest in source.digests { lines.append(AboutLine("digest", digest)) }
        if let signer = version.signedBy { lines.append(AboutLine("signed by", signer)) }
        return lines
    }

    // MARK: Log

    private static func log(_ state: MenuState, width: Int, glyphs: Glyphs) -> [AboutLine] {
        var lines: [AboutLine] = []
        for entry in state.log.reversed() {
            let texts = glyphs.wrap(entry.text, max(1, width - 11), limit: 100)
            for (offset, text) in texts.enumerated() {
                var line = AboutLine(offset == 0 ? Format.clock(entry.time + state.facts.secondsEast) : " ", text)
                if entry.isFailure { line.style = [.alert] }
                lines.append(line)
            }
        }
        if lines.isEmpty { lines = [AboutLine("Nothing to report yet.")] }
        if !state.facts.errorLog.isEmpty {
            lines += [.empty, AboutLine("Messages from other components: \(state.facts.errorLog)", style: [.dim])]
        }
        return lines
    }

    // MARK: Help

    private static func help(_ state: MenuState, width: Int, glyphs: Glyphs) -> [AboutLine] {
        // The keys of the screen that it was called from come first.
        let kind = state.stack.count > 1 ? state.stack[state.stack.count - 2].screen.kind : .systems
        func text(_ binding: KeyBinding) -> AboutLine {
            let keys = binding.keys.map { $0.name(glyphs) }.joined(separator: " ")
            return AboutLine(glyphs.fit(keys, min(26, width * 2 / 5)) + " " + binding.help)
        }
        let usable = KeyBinding.all.filter { state.facts.mayShowShell || $0.command != .suspend }
        let here = usable.filter { $0.screens.contains(kind) }
        let elsewhere = usable.filter { !$0.screens.contains(kind) }
        return [AboutLine("On this screen", style: [.bold])] + here.map(text)
            + [.empty, AboutLine("On other screens", style: [.bold])] + elsewhere.map(text)
            + [.empty, AboutLine("Mouse: click to select, double-click to boot, wheel to scroll.", style: [.dim])]
    }
}
