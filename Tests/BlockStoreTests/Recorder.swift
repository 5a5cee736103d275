import Synchronization

/// What was seen, from any thread, in order.
final class Recorder<Element: Sendable>: Sendable {
    private let mutex = Mutex<[Element]>([])

    var elements: [Element] { mutex.withLock { $0 } }

    func append(_ element: Element) { mutex.withLock { $0.append(element) } }
}
