import Boot
import Glibc
import Linux
import TestSupport
import Testing

/// Long: twelve weeks of a whole Debian, as share/recipes/twelve-weeks makes them, with a regression planted in one of them. `make drill` runs it.
@Suite(
    .serialized,
    .enabled(
        if: getenv("OSCIRCULAR_DRILL") != nil && LibvirtDaemon.isReady() && geteuid() == 0
            && ProgramPath.find("mmdebstrap") != nil,
        "only in 'make drill', as root with libvirt and mmdebstrap"))
struct BisectDrillTests {
    /// The first week with the fault, from 0.
    private static let bad = 7

    @Test(.timeLimit(.minutes(60)))
    func aRegressionInTwelveWeeksOfDebianIsFoundInFourBoots() async throws {
        let folder = "/var/cache/oscircular-test/twelve-weeks"
        try Folder.make(folder)
        let images = (1...12).map { "\(folder)/w\($0 < 10 ? "0" : "")\($0).raw" }
        var script = Substring(#filePath)
        for _ in 0..<3 { script = script.prefix(upTo: script.lastIndex(of: "/") ?? script.startIndex) }
        let built = try await BuiltProgram.runAny(
            "env", ["OSCIRCULAR_PACKAGES=4", "\(script)/share/demo/build-debian"] + images, within: .seconds(2400))
        try #require(built.status == 0, "\(built.stderr)")
        // Mondays from 2026-09-07 on.
        let weeks = (0..<12).map { week -> String in
            let day = 7 + 7 * week
            return day <= 30
                ? "2026-09-\(Self.two(day))"
                : day <= 61 ? "2026-10-\(Self.two(day - 30))" : "2026-11-\(Self.two(day - 61))"
        }
        try await Scenario.with { scenario in
            for (week, image) in zip(weeks, images) {
                let place = try #require(weeks.firstIndex(of: week))
                let disk = scenario.folder.path("week.raw")
                try await BisectGuestTests.plant(place >= Self.bad ? "/etc/fault" : nil, week, of: image, as: disk)
                let notes = try FileContents.readText(String(image.dropLast(3)) + "notes", limit: 1 << 20)
                try await scenario.publisher(
                    "add", scenario.tree, "debian", week, disk, "--memory", "512", "--firmware", "bios", "--notes",
                    notes)
                try Paths.remove(disk)
            }
            try await scenario.client("catalog", "refresh")
            let test = scenario.folder.path("test.sh")
            try AtomicFile.write(
                "#!/bin/sh\nsystemctl is-system-running --wait\nuname -r\n[ ! -e /etc/fault ]\n", to: test)
            try Paths.setPermissions(test, 0o755)
            let begin = ContinuousClock.now
            let run = try await BuiltProgram.run(
                "oscircular",
                [
                    "bisect", "debian", "--good", weeks[0], "--bad", weeks[11], "--accel", "tcg", "--run", test,
                    "--json",
                ],
                environment: scenario.environment, within: .seconds(1800))
            let seconds = (ContinuousClock.now - begin) / .seconds(1)
            StandardError.write("drill: \(run.stderr)drill: \(run.stdout)")
            let result = try JSONValue.object(run.stdout)
            #expect(run.status == 0 && result["state"]?.string == "found" && result["bad"]?.string == weeks[Self.bad])
            let boots = try #require(result["boots"]?.integer)
            #expect(boots <= 4)
            #expect(result["packages"]?["upgraded"]?.array != nil || result["packages"]?["installed"]?.array != nil)
            let requests = Scenario.blocks(inRequests: scenario.blockRequests)
            #expect(Set(requests).count == requests.count, "a block was fetched twice")
            let bytes = result["bytes"]?.integer ?? 0
            StandardError.write(
                "drill: bisect of 12 weeks: \(boots) boots, \(bytes) bytes, \(requests.count) blocks, \(Int(seconds)) s\n"
            )
        }
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
