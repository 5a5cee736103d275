import Glibc

/// `oscircular-fuzz` prints the parsers' names; `oscircular-fuzz PARSER [libFuzzer's words]` runs libFuzzer on one.
@main struct FuzzProgram {
    static func main() {
        guard CommandLine.arguments.count > 1 else {
            print(FuzzedParser.all.map(\.name).joined(separator: "\n"))
            return
        }
        guard FuzzedParser.chosen != nil else {
            print("oscircular-fuzz: no such parser: \(CommandLine.arguments[1])")
            exit(EX_USAGE)
        }
        // libFuzzer reads its own words from the second on.
        var count = CommandLine.argc - 1
        var arguments = CommandLine.unsafeArgv + 1
        _ = runFuzzer(&count, &arguments) { start, count in
            FuzzedParser.chosen?.run(Array(UnsafeBufferPointer(start: start, count: count)))
            return 0
        }
    }
}

/// libFuzzer's own loop; the library is linked by `Tests/Fuzz/run`.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32
