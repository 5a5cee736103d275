/// Values by name, in the order of the names' bytes, which is the order canonical JSON wants.
///
/// Names are equal only when their UTF-8 is: Swift's own string equality takes two spellings of é for one name,
/// and a signature tells them apart.
package struct NameTable<Value: Sendable>: Sendable {
    /// One name and its value.
    package struct Entry: Sendable {
        package let name: String
        package var value: Value

        package init(name: String, value: Value) {
            self.name = name
            self.value = value
        }
    }

    /// Sorted by the names' bytes, each name once.
    package private(set) var entries: [Entry]

    /// An empty table.
    package init() { entries = [] }

    /// Sorts the entries, unless they are sorted already.
    /// - Throws: ``JSONError/duplicateKey(_:)``.
    package init(_ unsorted: [Entry]) throws(JSONError) {
        entries = unsorted
        if Self.firstDisorder(in: entries) == nil { return }
        entries.sort { Self.order($0.name, $1.name) < 0 }
        if let position = Self.firstDisorder(in: entries) { throw .duplicateKey(entries[position].name) }
    }

    private init(sorted: [Entry]) { entries = sorted }

    /// The value of a name. Setting nil removes the name.
    package subscript(_ name: String) -> Value? {
        get {
            let position = position(of: name)
            guard position < entries.count, Self.order(entries[position].name, name) == 0 else { return nil }
            return entries[position].value
        }
        set {
            let position = position(of: name)
            let isThere = position < entries.count && Self.order(entries[position].name, name) == 0
            switch (isThere, newValue) {
            case (true, let value?): entries[position].value = value
            case (true, nil): entries.remove(at: position)
            case (false, let value?): entries.insert(Entry(name: name, value: value), at: position)
            case (false, nil): break
            }
        }
    }

    /// A table of the same names with other values.
    package func mapValues<Other: Sendable, Failure: Error>(
        _ transform: (Entry) throws(Failure) -> Other
    ) throws(Failure) -> NameTable<Other> {
        var mapped: [NameTable<Other>.Entry] = []
        mapped.reserveCapacity(entries.count)
        for entry in entries { mapped.append(.init(name: entry.name, value: try transform(entry))) }
        return NameTable<Other>(sorted: mapped)
    }

    /// This table with the other's names put in or replaced, in one pass.
    package func merging(_ other: NameTable) -> NameTable {
        var merged: [Entry] = []
        merged.reserveCapacity(entries.count + other.entries.count)
        var mine = entries[...]
        for entry in other.entries {
            while let next = mine.first, Self.order(next.name, entry.name) < 0 {
                merged.append(next)
                mine.removeFirst()
            }
            if let next = mine.first, Self.order(next.name, entry.name) == 0 { mine.removeFirst() }
            merged.append(entry)
        }
        return NameTable(sorted: merged + mine)
    }

    /// This table without some names, in one pass.
    package func removing(_ names: some Sequence<String>) -> NameTable {
        let removed = Set(names.map { Array($0.utf8) })
        return removed.isEmpty ? self : NameTable(sorted: entries.filter { !removed.contains(Array($0.name.utf8)) })
    }

    /// Where the name is, or belongs.
    private func position(of name: String) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if Self.order(entries[middle].name, name) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func firstDisorder(in entries: [Entry]) -> Int? {
        entries.indices.dropFirst().first { order(entries[$0 - 1].name, entries[$0].name) >= 0 }
    }

    /// Negative, 0 or positive, as the left bytes come before, are, or come after the right ones.
    private static func order(_ left: String, _ right: String) -> Int {
        var (left, right) = (left.utf8.makeIterator(), right.utf8.makeIterator())
        while true {
            switch (left.next(), right.next()) {
            case (nil, nil): return 0
            case (nil, _): return -1
            case (_, nil): return 1
            case (let one?, let other?) where one != other: return one < other ? -1 : 1
            default: continue
            }
        }
    }
}
