import ArgumentParser
import GuestNetwork
import Linux

/// `oscircular run-network`: the process of a guest's network. Its session holds the other end of an open socket.
struct RunNetworkCommand: ParsableCommand {
    static let name = "run-network"
    static let configuration = CommandConfiguration(commandName: name, shouldDisplay: false)

    @Option var network = GuestNetworkMode.user.rawValue
    @Option var gateway: String
    @Option var user: UserID?
    @Option var group: GroupID?
    @Flag var guestListener = false

    func run() throws {
        guard let mode = GuestNetworkMode(rawValue: network) else { throw ExitCode.validationFailure }
        var become: (id: UserID, group: GroupID)?
        if let user, let group { become = (user, group) }
        // Never as root, whoever starts it.
        guard become == nil ? !CurrentUser.isRoot : become?.id != 0 else { throw ExitCode.validationFailure }
        try NetworkProcess.run(
            .init(mode: mode, gatewayPath: gateway, user: become, hasGuestListener: guestListener))
    }

    /// On the main thread, before there is another.
    static func runAlone() -> Never {
        do {
            try RunNetworkCommand.parse(Array(CommandLine.arguments.dropFirst(2))).run()
            CurrentProcess.endNow(0)
        } catch {
            StandardError.write("\(error)\n")
            CurrentProcess.endNow(1)
        }
    }
}
