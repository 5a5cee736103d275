/// The part of a field's text around its cursor.
enum FieldWindow {
    /// - Returns: what of the text fits, and the cells before the cursor in it.
    static func of(_ field: TextField, width: Int, signs: Signs) -> (text: String, before: Int) {
        var start = 0
        var before = signs.width(String(field.characters[..<field.cursor]))
        while before > width && start < field.cursor {
            before -= signs.width(String(field.characters[start]))
            start += 1
        }
        return (String(field.characters[start...]), before)
    }
}
