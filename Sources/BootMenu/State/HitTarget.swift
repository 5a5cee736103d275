/// What a click can meet.
package enum HitTarget: Sendable, Hashable {
    /// A row of the screen's list, counted from the first one.
    case row(Int)
    /// A running guest in the pane below the systems.
    case guest(String)
    case command(Command)
    /// A dialog's button.
    case button(Int)
    /// A form's field.
    case field(Int)
}
