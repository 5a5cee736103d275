/// A screen in the stack of those that Esc goes back through.
package struct OpenScreen: Sendable {
    package let screen: MenuScreen
    package var position = ListPosition()
    /// What finding looks for; empty shows all.
    package var filter = ""
    /// The rows that are shown: indices of what the screen lists.
    package internal(set) var rows: [Int] = []

    init(_ screen: MenuScreen) { self.screen = screen }
}
