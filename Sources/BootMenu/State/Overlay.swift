/// What lies over a screen and takes the keys.
package enum Overlay: Sendable, Hashable {
    case dialog(Dialog)
    case form(CatalogForm)
    /// Finding, while it is typed.
    case find(TextField)
}
