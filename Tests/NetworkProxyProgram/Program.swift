import ArgumentParser
import FoundationEssentials
import Glibc
import Linux
import NetworkProxy

/// `network-proxy`: a line of a chosen delay and rate before a server of this machine, for benchmarks and trials by hand.
@main
struct Program: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "network-proxy", abstract: "Delay, slow down and break connections to a server on this machine.",
        discussion: """
            Prints the port it listens on, then obeys lines on its standard input until that ends:
              rate BITS | round-trip MILLISECONDS | cut BYTES | cut none | pass | refuse | hang | drop | stats
            Each is answered by one line: "ok", one JSON object for stats, or "error: …".
            """)

    @Option(help: "Port of the server, on 127.0.0.1.") var server: Int
    @Option(help: "Port to listen on; 0 for any.") var listen = 0
    @Option(help: "Bits a second in each direction, for all connections together; 0 for no limit.") var rate = 0.0
    @Option(help: "Milliseconds there and back.") var roundTrip = 0.0

    func run() throws {
        let proxy = try NetworkProxy(
            server: server, listen: listen, shape: NetworkShape(roundTrip: roundTrip / 1000, rate: rate))
        say("\(proxy.port)")
        while let line = readLine() {
            guard !line.isEmpty else { continue }
            say(Program.obey(line, proxy))
        }
        proxy.close()
    }

    private static func obey(_ line: String, _ proxy: NetworkProxy) -> String {
        let words = line.split(separator: " ").map(String.init)
        let number = words.count == 2 ? Double(words[1]).flatMap { $0 >= 0 && $0.isFinite ? $0 : nil } : nil
        switch (words.first ?? "", number) {
        case ("rate", let rate?): proxy.change { $0.rate = rate }
        case ("round-trip", let milliseconds?): proxy.change { $0.roundTrip = milliseconds / 1000 }
        case ("cut", let bytes?): proxy.change { $0.cutAfter = Int(bytes) }
        case ("cut", nil) where words.last == "none": proxy.change { $0.cutAfter = nil }
        case ("drop", nil): proxy.dropConnections()
        case ("stats", nil):
            let encoder = JSONEncoder()
            encoder.outputFormatting = .sortedKeys
            guard let json = try? encoder.encode(proxy.statistics) else { return "error: no JSON" }
            return String(decoding: json, as: UTF8.self)
        case (let word, nil):
            guard let mode = NetworkShape.Mode(rawValue: word), words.count == 1 else { return "error: '\(line)'" }
            proxy.change { $0.mode = mode }
        default: return "error: '\(line)'"
        }
        return "ok"
    }

    /// A line that is not held back in a buffer.
    private func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDOUT_FILENO, bytes, bytes.count)
    }
}
