import Glibc

/// How this test process was started, so that it can be started once more.
enum TestRun {
    /// What stands before the options of the testing library: nothing where the bundle is the program itself.
    static var bundleArguments: [String] {
        Array(
            CommandLine.arguments.dropFirst().prefix { !$0.hasPrefix("--filter") && !$0.hasPrefix("--testing-library") }
        )
    }
}
