/// Finds the prompt that a guest's console shows to Enter, a login's or a shell's: where a line waits at its end for what is typed. What the kernel
/// says of a device, or a service of itself, is no answer.
struct PromptAnswer {
    /// Of shells, as they end.
    private static let ends = ["# ", "$ ", "> ", "% "].map { Array($0.utf8) }
    private static let longestLine = 200

    private var login = LoginPrompt()
    private var filter = TerminalFilter(for: .text)
    private var line: [UInt8] = []

    /// Takes the next piece of what the guest says.
    /// - Returns: whether it waits at a prompt then.
    mutating func take(_ bytes: some Collection<UInt8>) -> Bool {
        if login.take(bytes) { return true }
        for byte in filter.pass(bytes) {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                line.removeAll(keepingCapacity: true)
            } else if line.count < PromptAnswer.longestLine {
                line.append(byte)
            }
        }
        // The kernel begins its lines with the time.
        return line.first != UInt8(ascii: "[") && PromptAnswer.ends.contains { line.suffix($0.count).elementsEqual($0) }
    }
}
