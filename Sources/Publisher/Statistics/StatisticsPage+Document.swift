extension StatisticsPage {
    /// The document: style, data and script in one file. All texts of the data become text nodes, never markup.
    /// - Parameters:
    ///   - title: escaped, as is `table`.
    ///   - table: for readers without a script.
    ///   - data: ``StatisticsPage`` as JSON without `<`.
    static func document(title: String, table: String, data: String) -> String {
        #"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
        <title>\#(title): statistics</title>
        <style>\#(PageText.style)\#(style)</style>
        </head>
        <body>
        <noscript><h1>\#(title)</h1><pre>\#(table)</pre></noscript>
        <script type="application/json" id="data">\#(data)</script>
        <script>\#(script)</script>
        </body>
        </html>

        """#
    }

    /// Beside what all pages have.
    private static let style = """
        .pair { display: flex; flex-wrap: wrap; gap: 28px }
        .pair figure { flex: 1 1 min(380px, 100%); min-width: 0; max-width: 500px }
        figure { margin: 0 }
        svg { display: block; max-width: 100% }
        svg text { fill: var(--dim); font-size: 11px }
        .grid { stroke: var(--line) }
        .empty { fill: var(--empty) } .data { fill: var(--data) }
        .strong { fill: #fff !important }

        """

    private static let script = #"""

        "use strict";
        const page = JSON.parse(document.getElementById("data").textContent);

        // An element with attributes and children; texts become text nodes.
        const builder = create => (name, attributes = {}, ...children) => {
          const element = create(name);
          for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
          element.append(...children);
          return element;
        };
        const html = builder(name => document.createElement(name));
        const svg = builder(name => document.createElementNS("http://www.w3.org/2000/svg", name));

        const percent = part => Math.floor(part * 100);

        // 999 B, 1.5 kB, 348.9 MB: powers of 1000.
        function bytes(count) {
          if (count < 1000) return count + " B";
          let unit = -1;
          do { count /= 1000; unit += 1 } while (count >= 999.95 && unit < 5);
          return count.toFixed(1) + " " + ["kB", "MB", "GB", "TB", "PB", "EB"][unit];
        }

        // The next round number that is not smaller.
        function roundUp(least) {
          let scale = 1;
          while (scale * 10 <= least) scale *= 10;
          return scale * ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8].find(step => step * scale >= least) ?? 10);
        }

        // How many things share a label, so that labels have room. The newest has one.
        const labelEvery = (count, room, size) => Math.max(1, Math.ceil(count * size / Math.max(room, size)));

        function chart(width, height, label, marks) {
          return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...marks);
        }

        // Bars, the oldest version first: what the store had already, and what each version added.
        function growth(versions, width) {
          const [height, left, bottom, top] = [240, 70, 26, 10];
          // The newest one's label is wider than a narrow bar's slot.
          const right = Math.max(0, 32 - (width - left) / versions.length / 2);
          const step = roundUp(Math.max(4, ...versions.map(version => version.cumulativeStored)) / 4);
          const y = bytes => top + (height - bottom - top) * (1 - bytes / (4 * step));
          const marks = [0, 1, 2, 3, 4].flatMap(mark => [
            svg("line", { class: "grid", x1: left, x2: width, y1: y(mark * step), y2: y(mark * step) }),
            svg("text", { x: left - 8, y: y(mark * step) + 4, "text-anchor": "end" }, bytes(mark * step)),
          ]);
          const slot = (width - left - right) / versions.length;
          const bar = Math.min(64, slot * 0.7);
          const every = labelEvery(versions.length, width - left - right, 76);
          let before = 0;
          versions.forEach((version, position) => {
            const now = version.cumulativeStored;
            const x = left + slot * (position + 0.5) - bar / 2;
            const group = svg("g", {}, svg("title", {}, `${version.id}: ${bytes(now)}, new ${bytes(now - before)}`));
            for (const [name, low, high, least] of [["base", 0, before, 0], ["new", before, now, 1.5]]) {
              if (high <= low) continue;
              const drawn = Math.max(least, y(low) - y(high));
              group.append(svg("rect", { class: name, x, y: y(low) - drawn, width: bar, height: drawn, rx: 2 }));
            }
            marks.push(group);
            if ((versions.length - 1 - position) % every === 0) {
              marks.push(svg("text", { x: x + bar / 2, y: height - 8, "text-anchor": "middle" }, version.id));
            }
            before = now;
          });
          return chart(width, height, "Growth of the store by version", marks);
        }

        // A square: the part of the row's version that the column's version has.
        function shared(shares, width) {
          const left = 84;
          const cell = (width - left) / shares.versions.length;
          const every = labelEvery(shares.versions.length, width - left, 20);
          const marks = shares.parts.flatMap((parts, row) => {
            const cells = parts.map((part, column) => {
              // Most of every image is shared, so the scale spreads what is near to all.
              const strength = part ** 3;
              const [x, y] = [left + column * cell, row * cell];
              const group = svg("g", {},
                svg("title", {}, `${percent(part)} % of ${shares.versions[row]} is in ${shares.versions[column]}`),
                svg("rect", { class: "new", "fill-opacity": (0.06 + 0.94 * strength).toFixed(3), x, y,
                  width: Math.max(cell - 1.5, 1), height: Math.max(cell - 1.5, 1), rx: 2 }));
              if (cell >= 26) {
                group.append(svg("text", { x: x + cell / 2 - 0.7, y: y + cell / 2 + 3.5, "text-anchor": "middle",
                  class: strength > 0.45 ? "strong" : "" }, percent(part)));
              }
              return group;
            });
            if ((shares.versions.length - 1 - row) % every === 0) {
              cells.push(svg("text", { x: left - 6, y: row * cell + cell / 2 + 4, "text-anchor": "end" }, shares.versions[row]));
            }
            return cells;
          });
          return chart(width, width - left, "Share between versions", marks);
        }

        // The image as a field of cells, read row by row: where its start reads, early in red, late in yellow.
        function heat(map, width) {
          const columns = 64;
          const cell = width / columns;
          const marks = map.cells.map(([read, first, hasData], position) => {
            const place = { x: position % columns * cell, y: Math.floor(position / columns) * cell,
              width: cell * 0.87, height: cell * 0.87 };
            if (read === 0) return svg("rect", { class: hasData ? "data" : "empty", ...place });
            const part = Math.min(1, read / map.blocksPerCell);
            return svg("rect", { fill: `hsl(${Math.floor(first * 0.052)} 90% 52%)`, "fill-opacity": (0.35 + 0.65 * part).toFixed(2),
              ...place });
          });
          return chart(width, Math.ceil(map.cells.length / columns) * cell, "Where in the image a start reads", marks);
        }

        function table(versions) {
          const heads = ["version", "image", "stored", "new", "shared", "growth", "frees with older", "boot set"];
          const rows = versions.map(version => [
            version.id + (version.pinned ? ", pinned" : ""), bytes(version.size), bytes(version.stored), bytes(version.newStored),
            bytes(version.sharedStored), bytes(version.cumulativeStored), bytes(version.freedWithOlder),
            version.bootSetStored != null ? bytes(version.bootSetStored) : version.recordingError != null ? "failed" : "none",
          ]);
          const row = (name, cells) => html("tr", {}, ...cells.map(cell => html(name, {}, cell)));
          return html("div", { class: "table" }, html("table", {}, row("th", heads), ...rows.map(cells => row("td", cells))));
        }

        // Charts have the width that they are given, so that their texts stay readable on a small screen.
        const charts = [];
        function figure(title, note, draw) {
          const element = html("figure", {}, html("h3", {}, title + " ", html("span", {}, note)));
          charts.push(() => {
            element.querySelector("svg")?.remove();
            element.append(draw(Math.max(200, element.clientWidth)));
          });
          return element;
        }

        function section(distribution) {
          const element = html("section", {}, html("h2", {}, distribution.title + " ", html("code", {}, distribution.id)));
          for (const version of distribution.versions) {
            if (version.recordingError == null) continue;
            const text = `${version.id}: its start was not recorded: ${version.recordingError}`;
            element.append(html("p", { class: "warning" }, text));
          }
          const oldestFirst = [...distribution.versions].reverse();
          if (oldestFirst.length > 0) {
            element.append(figure("Growth of the store", "by version; what each added in blue", width => growth(oldestFirst, width)));
          }
          const pair = html("div", { class: "pair" });
          const shares = page.shares[distribution.id];
          if (shares?.versions.length > 1) {
            pair.append(figure("Shared between versions", "percent of the row that the column has", width => shared(shares, width)));
          }
          const map = page.bootSets[distribution.id];
          if (map) {
            const blocks = map.blocksPerCell === 1 ? "a block" : map.blocksPerCell + " blocks";
            pair.append(figure("Boot set of " + map.version,
              `${map.count} blocks; red is read first, yellow last; a cell is ${blocks}, pale cells hold nothing`, width => heat(map, width)));
          }
          element.append(pair, table(distribution.versions));
          return element;
        }

        const { distributions, stored } = page.statistics;
        const all = distributions.flatMap(distribution => distribution.versions);
        const images = all.reduce((sum, version) => sum + version.size, 0);
        const facts = [
          [distributions.length, distributions.length === 1 ? "distribution" : "distributions"],
          [all.length, all.length === 1 ? "version" : "versions"], [bytes(images), "of images"],
          [bytes(stored), "in the store"], [(stored ? images / stored : 0).toFixed(1), "bytes of image per byte stored"],
        ];
        document.body.append(
          html("header", {}, html("h1", {}, page.title), html("p", {}, "Statistics of " + page.made)),
          html("div", { class: "facts" }, ...facts.map(([value, name]) =>
            html("div", { class: "fact" }, html("b", {}, value), html("span", {}, name)))),
          ...distributions.map(section));
        const drawAll = () => charts.forEach(draw => draw());
        drawAll();
        addEventListener("resize", drawAll);

        """#
}
