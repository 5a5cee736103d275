/// How text looks. Colours come on top of the terminal's own.
package struct ScreenStyle: OptionSet, Sendable, Hashable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let bold = ScreenStyle(rawValue: 1)
    package static let dim = ScreenStyle(rawValue: 2)
    package static let reverse = ScreenStyle(rawValue: 4)
    package static let underline = ScreenStyle(rawValue: 8)
    /// The one accent colour.
    package static let accent = ScreenStyle(rawValue: 16)
    /// Red: for what failed.
    package static let alert = ScreenStyle(rawValue: 32)
}
