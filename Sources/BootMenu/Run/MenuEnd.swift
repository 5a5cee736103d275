/// How the menu ended.
package struct MenuEnd: Sendable, Hashable {
    /// The signal that ended it; nil when the user left.
    package let signal: Int32?
    /// Guests that go on.
    package let guests: Int
}
