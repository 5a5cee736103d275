import Publisher
import TUF

/// Warns in time that readers will refuse a tree.
enum ExpiryWarning {
    /// Days before the end from which it is said.
    private static let days = 30

    /// A line on standard error for every role whose metadata ends soon, or has ended, and which no timer renews.
    static func print(_ tree: PublishedTree) {
        // A warning alone: what the command itself needs of the tree, it has read by now.
        guard let roles = try? tree.roles() else { return }
        let soon = UTCTime.now().adding(seconds: days * 86_400)
        for role in roles where !["snapshot", "timestamp"].contains(role.role) {
            guard let expires = UTCTime(role.expires), expires < soon else { continue }
            let advice =
                role.role == "root"
                ? "'oscircular-publish key rotate \(tree.path) root' signs it again" : "the next 'add' signs it again"
            Console.error(
                "oscircular-publish: readers will refuse the tree from \(expires) on, when the metadata of \(role.role) expires - \(advice)"
            )
        }
    }
}

/// Warns that no web server can read a tree, which nobody notices before the first reader.
enum AccessWarning {
    /// A line on standard error.
    /// - Parameter isWhole: looks at the folders above the tree too: when a tree is made, not every week.
    static func print(_ tree: String, isWhole: Bool = true) {
        guard let obstacle = TreeAccess.obstacle(tree: tree, isWhole: isWhole) else { return }
        Console.error(
            "oscircular-publish: a server that does not run as you cannot read \(tree): \(obstacle.path) keeps others out - "
                + "\(obstacle.cure)")
    }
}
