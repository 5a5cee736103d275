import ArgumentParser
import Boot
import Catalog
import Glibc

/// `oscircular doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check what booting needs on this machine, and say what to do.")

    @Flag(help: "One JSON object.") var json = false

    func run() async throws {
        let context = try CommandContext.load()
        var findings = Finding.ofDevices() + Finding.ofPrograms()
        findings.append(await Finding.ofLibvirt(context))
        findings.append(disk(context))
        findings += await catalogs(context)
        if json {
            try JSONOutput.print(["findings": findings])
        } else {
            for finding in findings {
                let mark = finding.result == .good ? "ok  " : finding.result == .warning ? "warn" : "BAD "
                Terminal.print("\(mark)  \(finding.subject): \(finding.words)")
                if !finding.cure.isEmpty { Terminal.print("      do: \(finding.cure)") }
            }
        }
        if findings.contains(where: { $0.result == .bad }) { throw ExitCode(ErrorReport.ExitStatus.unavailable) }
    }

    private func disk(_ context: CommandContext) -> Finding {
        do {
            let status = try context.cache().status()
            return Finding(
                subject: "cache", result: .good,
                words:
                    "\(status.directory), \(ByteCount.text(UInt64(status.used))) of \(ByteCount.text(UInt64(status.limit)))"
            )
        } catch {
            return Finding(
                subject: "cache", result: .warning, words: ErrorReport(error).message,
                cure: "set cache.directory in \(context.places.configurationFiles.last ?? "config.toml")")
        }
    }

    private func catalogs(_ context: CommandContext) async -> [Finding] {
        let copies = await context.library().copies(refresh: true)
        guard !copies.isEmpty else {
            return [
                Finding(subject: "catalogs", result: .warning, words: "none", cure: "oscircular catalog add NAME URL")
            ]
        }
        return copies.map { copy in
            Finding(
                subject: "catalog \(copy.source.name)", result: copy.state == .fresh ? .good : .warning,
                words: copy.error.map { ErrorReport($0).message } ?? "\(copy.state.rawValue)")
        }
    }
}
