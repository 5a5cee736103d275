/// What the user did, as the terminal tells it.
package enum ScreenInput: Sendable, Hashable {
    case character(Character)
    /// Control and a letter, in small.
    case control(Character)
    case named(NamedKey)
    /// F1 is 1.
    case function(Int)
    /// The left button, at a cell.
    case click(row: Int, column: Int)
    /// Rows down; negative up.
    case wheel(Int)
    /// Text that the terminal marks as pasted, or that came faster than anybody types.
    case pasted(String)

    /// Keys with a name.
    package enum NamedKey: Sendable, Hashable {
        case enter, escape, tab, backTab, backspace, delete, up, down, left, right, pageUp, pageDown, home, end
    }
}
