import ArgumentParser
import ImageMount
import Linux

/// `oscircular umount DIR`.
struct UmountCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "umount", abstract: "Unmount an image.")

    @Argument(help: "The folder it is mounted on.") var directory: String

    func run() async throws {
        let path = try AbsolutePath.of(directory)
        try await WorkerThread.run(name: "umount") { try MountedImage.unmount(at: path) }
    }
}
