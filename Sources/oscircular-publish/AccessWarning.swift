import Publisher

/// Says that no web server can read a tree, which nobody notices before the first reader.
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
