/// Programs that must be somewhere before they do anything: in a control group, say, where what they start follows them.
extension ChildProcess {
    /// Starts a program that does nothing before `prepare` has returned.
    ///
    /// A shell waits in its place, which the program then replaces: a child of posix_spawn cannot be given steps of our own. If the program
    /// cannot be executed, the child ends with 126 or 127.
    /// - Parameters:
    ///   - program: a path.
    ///   - otherDescriptors: as of the initializers, but for 9, which the shell waits at.
    ///   - prepare: gets the number of the process. If it throws, the process has ended and is reaped.
    /// - Throws: ``SystemCallError`` of the start; what `prepare` throws.
    package static func held(
        _ program: String, _ arguments: [String], environment: [String]? = plainEnvironment,
        standardInput: Int32? = nil, standardOutput: Int32? = nil, standardError: Int32? = nil,
        otherDescriptors: [Int32: Int32] = [:], whileHeld prepare: (ProcessID) throws -> Void
    ) throws -> ChildProcess {
        let gate = try Pipe()
        // With both ends open no write of ours meets a pipe that nobody reads.
        defer { withExtendedLifetime(gate) {} }
        var descriptors = otherDescriptors
        descriptors[gateDescriptor] = gate.reading.descriptor
        // The shell's own variables tell of the host's folders.
        let script =
            "read -r go <&\(gateDescriptor) && exec \(gateDescriptor)<&- && unset PWD OLDPWD SHLVL _ && exec \"$@\""
        let child = try ChildProcess(
            "/bin/sh", ["-c", script, "sh", program] + arguments, environment: environment,
            standardInput: standardInput, standardOutput: standardOutput, standardError: standardError,
            otherDescriptors: descriptors)
        do {
            try prepare(child.pid)
            try "go\n".withBytes { (bytes) throws(SystemCallError) in try gate.writing.write(bytes) }
        } catch {
            child.send(.kill)
            child.wait()
            throw error
        }
        return child
    }

    /// One digit: more are a command for some shells.
    private static let gateDescriptor: Int32 = 9
}
