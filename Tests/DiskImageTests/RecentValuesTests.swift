import DiskImage
import TestSupport
import Testing

@Suite struct RecentValuesTests {
    @Test func whatWasNotUsedForTheLongestTimeGoes() {
        var values = RecentValues<Int, String>(limit: 3)
        for key in 1...3 { values.insert("\(key)", for: key, cost: 1) }
        #expect(values.use(1) == "1")
        values.insert("4", for: 4, cost: 1)
        #expect([1, 2, 3, 4].map { values.use($0) } == ["1", nil, "3", "4"])
        values.insert("5", for: 5, cost: 3)
        #expect([1, 3, 4, 5].map { values.use($0) } == [nil, nil, nil, "5"])
        #expect(values.count == 1 && values.cost == 3)
    }

    @Test func theNewestStaysWhateverItCosts() {
        var values = RecentValues<Int, Int>(limit: 3)
        values.insert(1, for: 1, cost: 1)
        values.insert(2, for: 2, cost: 100)
        #expect(values.use(2) == 2 && values.use(1) == nil)
        values.insert(3, for: 3, cost: 1)
        #expect(values.use(2) == nil && values.use(3) == 3 && values.cost == 1)
    }

    /// Compared with a list that does the same.
    @Test func isAsAListIs() {
        var random = SeededRandom(seed: 1)
        var values = RecentValues<Int, Int>(limit: 20)
        var list: [(key: Int, value: Int, cost: Int)] = []
        for step in 0..<20_000 {
            let key = Int.random(in: 0..<12, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                values.remove(key)
                list.removeAll { $0.key == key }
            case 1:
                let cost = Int.random(in: 1..<6, using: &random)
                values.insert(step, for: key, cost: cost)
                list.removeAll { $0.key == key }
                list.append((key, step, cost))
                while list.map(\.cost).reduce(0, +) > 20, list.count > 1 { list.removeFirst() }
            default:
                let found = list.firstIndex { $0.key == key }
                #expect(values.use(key) == found.map { list[$0].value })
                if let found { list.append(list.remove(at: found)) }
            }
            #expect(values.count == list.count && values.cost == list.map(\.cost).reduce(0, +))
        }
    }
}
