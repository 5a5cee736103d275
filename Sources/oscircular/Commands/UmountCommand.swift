import ArgumentParser
import ImageMount

/// `oscircular umount DIR`.
struct UmountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "umount", abstract: "Take a mounted image away.")

    @Argument(help: "The folder it is mounted on.") var directory: String

    func run() async throws {
        try await UnmountedImage.unmount(AbsolutePath.of(directory))
    }
}
