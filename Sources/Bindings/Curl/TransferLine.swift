/// Transfers that wait their turn, first come first served.
struct TransferLine {
    // Taken ones are cleared, not removed, until half of the array is empty: taking stays O(1).
    private var transfers: [Transfer?] = []
    private var head = 0

    mutating func append(_ transfer: Transfer) { transfers.append(transfer) }

    mutating func next() -> Transfer? {
        while head < transfers.count {
            let transfer = transfers[head]
            transfers[head] = nil
            head += 1
            if head > 64, head * 2 > transfers.count {
                transfers.removeFirst(head)
                head = 0
            }
            if let transfer { return transfer }
        }
        transfers.removeAll(keepingCapacity: true)
        head = 0
        return nil
    }

    /// Takes one out of the line, wherever it stands.
    mutating func remove(_ ticket: TransferTicket) -> Transfer? {
        guard let position = transfers[head...].firstIndex(where: { $0?.ticket == ticket }) else { return nil }
        defer { transfers[position] = nil }
        return transfers[position]
    }
}
