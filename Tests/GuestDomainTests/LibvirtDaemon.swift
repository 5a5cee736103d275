import Glibc
import GuestDomain
import Linux
import Testing

/// Tests with this trait have a libvirt that starts QEMU: the machine's, or one that is started for them and ended after.
struct LibvirtDaemon: SuiteTrait, TestScoping {
    static let uri = "qemu:///system"

    static var isPossible: Bool {
        geteuid() == 0 && ProgramPath.find("libvirtd") != nil && ProgramPath.find("virtlogd") != nil
            && ProgramPath.find("qemu-system-x86_64") != nil && ProgramPath.find("qemu-img") != nil
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard await !answers() else { return try await function() }
        var started: [SpawnedProcess] = []
        for name in ["virtlogd", "libvirtd"] {
            guard let program = ProgramPath.find(name) else { continue }
            let null = try FileHandle(path: "/dev/null", flags: O_RDWR)
            started.append(
                try SpawnedProcess.start(
                    [program, "--timeout", "120"],
                    descriptors: [0: null.descriptor, 1: null.descriptor, 2: null.descriptor], newSession: true))
        }
        let isThere = await eventually(seconds: 60) { await answers() }
        #expect(isThere, "libvirtd was started and does not answer")
        let result: Result<Void, any Error>
        do { result = .success(try await function()) } catch { result = .failure(error) }
        for process in started.reversed() {
            kill(process.pid, SIGTERM)
            _ = try await WorkerThread.run(name: "test-libvirtd") { process.wait() }
        }
        try result.get()
    }

    private func answers() async -> Bool { (try? await HypervisorConnection.open(LibvirtDaemon.uri)) != nil }
}

extension Trait where Self == LibvirtDaemon {
    static var libvirtDaemon: LibvirtDaemon { LibvirtDaemon() }
}
