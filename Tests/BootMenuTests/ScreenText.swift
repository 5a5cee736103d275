import Curses

/// A row of runs as the terminal would show it.
enum ScreenText {
    static func of(_ runs: [ScreenRun]) -> String {
        var text = ""
        var at = 0
        for run in runs.sorted(by: { $0.column < $1.column }) {
            if run.column > at {
                text += String(repeating: " ", count: run.column - at)
                at = run.column
            }
            text += run.text
            at += width(run.text)
        }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// Cells of text that has no control characters; counted apart from the code under test, for the characters that the tests use.
    static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar.value {
            case 0x300...0x36F: sum
            case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFF00...0xFF60, 0x1F300...0x1F64F:
                sum + 2
            default: sum + 1
            }
        }
    }
}
