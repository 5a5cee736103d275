import ArgumentParser
import Boot
import GuestNetwork
import Linux

/// `oscircular ports`.
struct PortsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ports", abstract: "Ports of this host that lead to a running guest.",
        discussion: """
            A port is written as [ADDRESS:]PORT:GUESTPORT[/udp]: '8080:80' leads from 127.0.0.1:8080, which only this host
            reaches, to the guest's port 80. With another address of this host, or 0.0.0.0 for all of them, others reach the
            guest too. Without a command this lists the ports.
            """,
        subcommands: [List.self, Add.self, Remove.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Show the ports of one guest, or of all.")

        @Argument(help: "The session, as 'oscircular sessions' shows it; all by default.") var id: String?
        @Flag(help: "One JSON object.") var json = false

        func run() async throws {
            let registry = try CommandContext.load().registry
            var rows: [SessionPortsRow] = []
            if let id {
                let status = try await registry.send(.status, to: id, patience: .seconds(3)).status
                if let status { rows.append(SessionPortsRow(status)) }
            } else {
                rows = await registry.survey(patience: .seconds(3)).sessions.map(SessionPortsRow.init)
            }
            if json { return try JSONOutput.print(SessionPortsList(sessions: rows)) }
            let lines = rows.flatMap { row in row.ports.map { "\(row.id)  \($0.text)" } }
            if lines.isEmpty {
                return Terminal.note("No port is published: 'oscircular ports add ID 8080:80' publishes one.")
            }
            for line in lines { Terminal.print(line) }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Publish ports of a running guest, all of them or none.")

        @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String
        @Argument(help: "[ADDRESS:]PORT:GUESTPORT[/udp]") var ports: [String]
        @Flag(help: "Also where the guest was started with --network none.") var isolated = false
        @Flag(help: "Also of a vendor's version that is not verified yet.") var unverified = false
        @Flag(help: "Print the session as one JSON object.") var json = false

        func validate() throws { try PublishOption.check(ports) }

        func run() async throws {
            let registry = try CommandContext.load().registry
            var order = ControlRequest(command: .publish)
            order.ports = try PortsCommand.canonical(ports)
            order.allowsIsolated = isolated ? true : nil
            order.allowsUnverified = unverified ? true : nil
            var response = try await registry.send(order, to: id)
            if let boot = response.unverified {
                guard Confirmation.isPossible, Confirmation.ask(Terminal.clean(boot.publishingQuestion)) else {
                    throw BootError.publishesUnverified(boot)
                }
                order.allowsUnverified = true
                response = try await registry.send(order, to: id)
            }
            if json, let status = response.status { try JSONOutput.print(status) }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Take ports back; connections that came by them end.")

        @Argument(help: "The session, as 'oscircular sessions' shows it.") var id: String
        @Argument(help: "As they were published: [ADDRESS:]PORT:GUESTPORT[/udp]") var ports: [String]
        @Flag(help: "Print the session as one JSON object.") var json = false

        func validate() throws { try PublishOption.check(ports) }

        func run() async throws {
            var order = ControlRequest(command: .withdraw)
            order.ports = try PortsCommand.canonical(ports)
            let response = try await CommandContext.load().registry.send(order, to: id)
            if json, let status = response.status { try JSONOutput.print(status) }
        }
    }

    private static func canonical(_ texts: [String]) throws -> [String] {
        try texts.map { "\(try PublishedPort($0))" }
    }
}

/// `--publish`, of `boot` and `machines start`.
struct PublishOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A port of this host that leads to the guest: [ADDRESS:]PORT:GUESTPORT[/udp], from this host only unless an address is given. May be repeated.",
            valueName: "port"))
    var publish: [String] = []

    /// - Throws: `ValidationError`, as the parser's own.
    func check() throws { try PublishOption.check(publish.filter { !$0.isEmpty }) }

    static func check(_ ports: [String]) throws {
        do { for port in ports { _ = try PublishedPort(port) } } catch {
            throw ValidationError(ErrorReport(error).message)
        }
    }

    /// What a boot publishes, by this option and by the system's settings; says what is left out.
    /// - Throws: ``BootError/isolatedPorts``.
    func ports(_ own: SystemSettings, network: String, isNetworkAsked: Bool) throws -> [String]? {
        let (ports, note) = try BootRequest.ports(
            asked: publish, set: own.publish, network: network, isNetworkAsked: isNetworkAsked)
        if let note { Terminal.note(note) }
        return ports
    }
}

/// `ports --json`.
struct SessionPortsList: Encodable {
    let sessions: [SessionPortsRow]
}

struct SessionPortsRow: Encodable {
    let id: String
    let ports: [SessionStatus.Port]

    init(_ status: SessionStatus) {
        id = status.id
        ports = status.ports ?? []
    }
}

extension UnverifiedBoot {
    /// The question whether ports may be published of the version already.
    var publishingQuestion: String {
        "\(fact.prefix(1).uppercased())\(fact.dropFirst()). Whoever reaches its ports talks to what anybody may have made. Publish them all the same?"
    }
}
