import Boot
import Glibc
import TestSupport
import Testing

@Suite struct PlacesTests {
    private func places(_ variables: [String: String], user: uid_t = 1000) -> Places {
        Places(environment: { variables[$0] }, user: user, home: "/home/ann")
    }

    @Test func variablesOfTheUserComeFirst() {
        let places = places([
            "XDG_RUNTIME_DIR": "/r", "XDG_STATE_HOME": "/s", "XDG_CACHE_HOME": "/c", "XDG_CONFIG_HOME": "/k",
        ])
        #expect(places.runtime == "/r/oscircular")
        #expect(places.sessions == "/r/oscircular/sessions")
        #expect(places.state == "/s/oscircular")
        #expect(places.catalogs == "/s/oscircular/catalogs")
        #expect(places.cache == "/c/oscircular")
        #expect(places.configurationFiles == ["/etc/oscircular/config.toml", "/k/oscircular/config.toml"])
    }

    @Test(arguments: ["", "run", "./run", "~/run"])
    func valuesThatAreNotAbsoluteAreIgnored(value: String) {
        let names = ["XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"]
        let given = places(Dictionary(uniqueKeysWithValues: names.map { ($0, value) }))
        let absent = places([:])
        #expect(given.runtime == absent.runtime)
        #expect(given.state == absent.state)
        #expect(given.cache == absent.cache)
        #expect(given.configurationFiles == absent.configurationFiles)
    }

    @Test func aUserLivesBelowHomeAndRootBelowVar() {
        let user = places([:])
        #expect(user.runtime == "/tmp/oscircular-1000")
        #expect(user.state == "/home/ann/.local/state/oscircular")
        #expect(user.cache == "/home/ann/.cache/oscircular")
        #expect(user.configurationFiles.last == "/home/ann/.config/oscircular/config.toml")
        let root = places([:], user: 0)
        #expect(root.runtime == "/run/oscircular")
        #expect(root.state == "/var/lib/oscircular")
        #expect(root.cache == "/var/cache/oscircular")
    }

    @Test(arguments: [
        ("/usr/bin/oscircular", ["/usr/share/oscircular/vendors"]),
        (
            "/src/os/.build/x86_64-unknown-linux-gnu/debug/oscircular",
            ["/src/os/share/vendors", "/src/os/.build/x86_64-unknown-linux-gnu/share/oscircular/vendors"]
        ),
    ])
    func tablesOfVendorsLieBesideTheProgramOrInItsSources(program: String, folders: [String]) {
        let places = Places(program: program, environment: { _ in nil }, user: 1000, home: "/home/ann")
        #expect(places.installedTables == folders)
        #expect(places.ownTables == ["/etc/oscircular/vendors", "/home/ann/.config/oscircular/vendors"])
    }

    @Test(arguments: [
        ("/usr/bin/oscircular", ["/usr/libexec/oscircular/park"]),
        ("/src/os/.build/x86_64/debug/oscircular", ["/src/os/.build/x86_64/debug", "/src/os/share/park"]),
    ])
    func whatRunsInATemplateLiesBesideTheProgramOrInItsSources(program: String, folders: [String]) {
        let places = Places(program: program, environment: { _ in nil }, user: 1000, home: "/home/ann")
        #expect(places.parkFolders == folders)
        #expect(Places(environment: { _ in nil }, user: 1000, home: "/home/ann").parkFolders.isEmpty)
    }

    // MARK: The runtime folder

    private func withRuntime(_ body: (_ places: Places, _ runtime: String) throws -> Void) throws {
        let folder = try TemporaryDirectory()
        try body(places(["XDG_RUNTIME_DIR": folder.path], user: geteuid()), folder.path("oscircular"))
    }

    private func expectUnsafe(_ places: Places) {
        let error = #expect(throws: BootError.self) { try places.prepareRuntime() }
        guard case .unsafeRuntimeFolder(places.runtime) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(access(places.sessions, F_OK) != 0)
    }

    @Test func makesTheRuntimeFolderForNobodyElseToWrite() throws {
        try withRuntime { places, runtime in
            try places.prepareRuntime()
            for path in [runtime, places.sessions] {
                var status = stat()
                #expect(lstat(path, &status) == 0)
                #expect(status.st_mode & S_IFMT == S_IFDIR)
                #expect(status.st_mode & 0o066 == 0)
            }
            // The second session finds it as it should be.
            try places.prepareRuntime()
        }
    }

    @Test(arguments: [0o777, 0o720, 0o702] as [mode_t])
    func refusesARuntimeFolderThatOthersCanWrite(mode: mode_t) throws {
        try withRuntime { places, runtime in
            mkdir(runtime, 0o700)
            chmod(runtime, mode)
            expectUnsafe(places)
        }
    }

    @Test func refusesALinkAndAFileInPlaceOfTheRuntimeFolder() throws {
        try withRuntime { places, runtime in
            mkdir("\(runtime).real", 0o700)
            symlink("\(runtime).real", runtime)
            expectUnsafe(places)
            #expect(access("\(runtime).real/sessions", F_OK) != 0)
            unlink(runtime)
            close(open(runtime, O_CREAT | O_WRONLY, 0o600))
            expectUnsafe(places)
        }
    }

    @Test func saysWhenTheRuntimeFolderCannotBeMade() throws {
        let folder = try TemporaryDirectory()
        try folder.write([1], to: "file")
        // Below a file nothing can be; /proc takes nobody's folders.
        for place in [folder.path("file"), "/proc"] {
            let error = #expect(throws: BootError.self) {
                try places(["XDG_RUNTIME_DIR": place], user: geteuid()).prepareRuntime()
            }
            guard case .runtimeFolder = error else {
                Issue.record("\(place): \(String(describing: error))")
                continue
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "only root can give a folder to somebody else"))
    func refusesARuntimeFolderOfSomebodyElse() throws {
        try withRuntime { places, runtime in
            mkdir(runtime, 0o700)
            #expect(chown(runtime, 65534, 65534) == 0)
            expectUnsafe(places)
        }
    }
}
