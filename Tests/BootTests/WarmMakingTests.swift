import GuestDomain
import Linux
import Synchronization
import TestSupport
import Testing

@testable import Boot

/// When a warm state is made, and when a template is given up; without guests.
@Suite struct WarmMakingTests {
    // MARK: What a template says

    private func heard(_ text: String) -> [TemplateNews] {
        let news = Mutex<[TemplateNews]>([])
        let watch = TemplateWatch { item in news.withLock { $0.append(item) } }
        Array(text.utf8).withUnsafeBytes { watch.take($0) }
        return news.withLock { $0 }
    }

    @Test func itsWordsAreHeardAmongOthers() {
        #expect(heard("[  2.1] x\r\nOSCIRCULAR-PARKED\r\n") == [.said(.parked)])
        #expect(heard("debian login: ") == [.login])
        #expect(
            heard("debian login: \r\ndebian login: \r\nOSCIRCULAR-NO-PARK no s2idle\r\n")
                == [.login, .said(.noPark("no s2idle"))])
        #expect(heard("echo OSCIRCULAR-PARKED\r\n") == [])
    }

    private func verdict(
        _ news: [(TemplateNews, cpu: Double)], isCrowded: Bool = false
    ) -> TemplateProgress.Verdict {
        var (progress, cpu) = (TemplateProgress(), 0.0)
        for (item, used) in news {
            cpu += used
            if item == .tick { progress.look(cpuSeconds: cpu, isCrowded: isCrowded) }
            let verdict = progress.take(item, isPaused: false)
            if verdict != .goesOn { return verdict }
        }
        return .goesOn
    }

    @Test func itSleepsWhenItHasSaidSoAndUsesNoProcessor() {
        let boot: [(TemplateNews, cpu: Double)] = Array(repeating: (.tick, 1), count: 30) + [(.said(.parked), 0)]
        #expect(verdict(boot + [(.tick, 1), (.tick, 0.8), (.tick, 0.7)]) == .goesOn)
        #expect(verdict(boot + [(.tick, 1), (.tick, 0.02)]) == .asleep)
        #expect(verdict(boot + [(.tick, 0)]) == .goesOn)
        guard case .failed = verdict(boot + Array(repeating: (.tick, 1), count: 40)) else {
            Issue.record("one that does not sleep is given up")
            return
        }
        // Refused after all.
        guard case .failed(let reason, _) = verdict(boot + [(.tick, 1), (.said(.noPark("busy")), 0)]) else {
            Issue.record("a refusal counts")
            return
        }
        #expect(reason.contains("busy"))
    }

    @Test func oneWithoutTheUnitIsGivenUpSomeTimeAfterItsLogin() {
        let ticks: [(TemplateNews, cpu: Double)] = Array(repeating: (.tick, 1), count: 100)
        #expect(verdict(ticks + [(.login, 0)] + ticks + ticks) == .goesOn)
        guard case .failed(let reason, _) = verdict(ticks + [(.login, 0)] + ticks + ticks + [(.tick, 1)]) else {
            Issue.record("it waits for ever")
            return
        }
        #expect(reason.contains("came to its login"))
        // One that hangs before.
        let endless = Array(repeating: ticks, count: 19).joined()
        guard case .failed = verdict(Array(endless)) else {
            Issue.record("it waits for ever")
            return
        }
    }

    @Test func whatTakesLongOnACrowdedMachineIsTriedAgain() {
        let endless: [(TemplateNews, cpu: Double)] = Array(repeating: (.tick, 1), count: 1900)
        let others: [[(TemplateNews, cpu: Double)]] = [
            endless, [(.login, 0)] + endless, [(.said(.parked), 0)] + endless,
        ]
        for news in others {
            for isCrowded in [false, true] {
                guard case .failed(_, let isLikelyAgain) = verdict(news, isCrowded: isCrowded) else {
                    Issue.record("it waits for ever")
                    continue
                }
                #expect(isLikelyAgain != isCrowded)
            }
        }
        // What the guest says counts all the same.
        let refusal: [(TemplateNews, cpu: Double)] = [(.tick, 1), (.said(.noPark("no s2idle")), 0)]
        guard case .failed(_, isLikelyAgain: true) = verdict(refusal, isCrowded: true) else {
            Issue.record("it is tried for ever")
            return
        }
    }

    @Test func timeStandsStillOnABattery() {
        var progress = TemplateProgress()
        for _ in 0..<10_000 { #expect(progress.take(.tick, isPaused: true) == .goesOn) }
        #expect(progress.seconds == 0)
    }

    @Test func aGuestThatEndsOrWakesIsNoTemplate() {
        let endings: [(TemplateNews, isLikelyAgain: Bool)] = [
            (.guest(.stopped(hasFailed: false)), true), (.guest(.crashed), true), (.said(.awake), true),
            (.said(.noSession), true), (.guest(.stopped(hasFailed: true)), false),
        ]
        for (item, isLikelyAgain) in endings {
            guard case .failed(_, isLikelyAgain) = verdict([(item, 0)]) else {
                Issue.record("\(item)")
                continue
            }
        }
        #expect(verdict([(.guest(.started), 0), (.guest(.paused(isForError: false)), 0)]) == .goesOn)
    }

    // MARK: The machine's other work

    private static let idle = MachineLoad(perProcessor: 0.1, isOnBattery: false)
    private static let busy = MachineLoad(perProcessor: 1.5, isOnBattery: false)
    private static let onBattery = MachineLoad(perProcessor: 0, isOnBattery: true)

    private func waited(_ loads: [MachineLoad], others: [Bool] = [], isSpare: Bool = true) async -> (Int, (any Error)?)
    {
        let looks = Mutex(0)
        let turn = WarmTurn(
            isSpare: isSpare, others: { others.dropFirst(looks.withLock { $0 }).first ?? false },
            load: {
                looks.withLock { looks in
                    defer { looks += 1 }
                    return loads.dropFirst(looks).first ?? loads.last ?? Self.idle
                }
            })
        do {
            try await turn.wait { _ in }
            return (looks.withLock { $0 }, nil)
        } catch {
            return (looks.withLock { $0 }, error)
        }
    }

    @Test func whatNobodyWaitsForWaitsForAnIdleMachine() async {
        #expect(await waited([Self.busy, Self.busy, Self.idle]).0 == 3)
        let (_, never) = await waited([Self.busy])
        #expect(never as? WarmError == .givenUp("this machine is busy"))
        let (_, battery) = await waited([Self.onBattery])
        #expect(battery as? WarmError == .givenUp("this machine runs on its battery"))
        let (_, session) = await waited([Self.busy], others: [false, false, true])
        #expect(session as? WarmError == .givenUp("a session has started"))
        // Who was asked does not wait for anything.
        #expect(await waited([Self.busy], others: [true], isSpare: false).0 == 0)
    }

    @Test func aSessionComesFirstAndABatteryIsSpared() {
        func turn(isSpare: Bool, others: Bool, _ load: MachineLoad) -> WarmTurn {
            WarmTurn(isSpare: isSpare, others: { others }, load: { load })
        }
        #expect(turn(isSpare: true, others: true, Self.idle).reasonToGiveUp() != nil)
        #expect(turn(isSpare: true, others: false, Self.busy).reasonToGiveUp() == nil)
        #expect(turn(isSpare: false, others: true, Self.idle).reasonToGiveUp() == nil)
        #expect(turn(isSpare: true, others: false, Self.onBattery).pauses)
        #expect(!turn(isSpare: true, others: false, Self.idle).pauses)
        #expect(!turn(isSpare: false, others: false, Self.onBattery).pauses)
    }

    @Test func theKernelSaysHowBusyItIsAndWhatItRunsOn() throws {
        let folder = try TemporaryDirectory()
        func supply(_ name: String, _ files: [String: String]) throws {
            try Folder.make(folder.path("supplies/\(name)"))
            for (file, text) in files { try AtomicFile.write("\(text)\n", to: folder.path("supplies/\(name)/\(file)")) }
        }
        func now() -> MachineLoad {
            MachineLoad.now(proc: folder.path, supplies: folder.path("supplies"), processors: 4)
        }
        #expect(now() == MachineLoad(perProcessor: nil, isOnBattery: false) && now().isIdle)
        try AtomicFile.write("2.00 1.00 0.50 1/200 4242\n", to: folder.path("loadavg"))
        #expect(now().perProcessor == 0.5 && now().isIdle)
        try AtomicFile.write("2.40 1.00 0.50 1/200 4242\n", to: folder.path("loadavg"))
        #expect(!now().isIdle)
        // A desktop with a mouse that has a battery, and a socket that feeds others.
        try supply("mouse", ["type": "Battery", "status": "Discharging", "scope": "Device"])
        try supply("ucsi", ["type": "USB", "online": "0"])
        #expect(!now().isOnBattery)
        try supply("BAT0", ["type": "Battery", "status": "Discharging"])
        try supply("AC", ["type": "Mains", "online": "1"])
        #expect(!now().isOnBattery)
        try supply("AC", ["type": "Mains", "online": "0"])
        #expect(now().isOnBattery && !now().isIdle)
        // Some batteries do not say what they do.
        try supply("BAT0", ["type": "Battery", "status": "Unknown"])
        #expect(now().isOnBattery)
    }

    @Test func aTemplateHasNothingOfItsUsers() throws {
        var request = BootRequest(
            id: "abcd1234", name: "debian", memoryMiB: 512, cpus: 2, display: .window, network: "lan", accel: "auto",
            connect: "qemu:///session", userData: "#!/bin/sh", diskSize: 1 << 30, home: "me", allowHome: true)
        request.share = SharedFolder(path: "/srv", isReadOnly: false)
        (request.publish, request.usb, request.sharesClipboard) = (["8080:80"], ["1:2"], true)
        let template = request.template(of: WarmFixture.version, .spareTemplate, memoryMiB: 768, accelerator: .tcg)
        #expect(template.name == "test/debian@2026-11-30" && template.id != request.id)
        #expect(template.memoryMiB == 768 && template.cpus == 2 && template.display == .window)
        #expect(template.accel == "tcg" && template.connect == request.connect && template.purpose == .spareTemplate)
        #expect(template.network == "none" && template.keepsExchange == false)
        #expect(template.home == nil && template.share == nil && template.publish == nil && template.usb == nil)
        #expect(template.userData == nil && template.diskSize == nil && template.sharesClipboard == nil)
        #expect(template.machine == nil && template.allowHome == nil)
    }

    @Test func emulatorsAreFoundByTheirGuestsNames() throws {
        let name = "oscircular-test\(UInt32.random(in: 0 ... .max))"
        #expect(EmulatorProcess.find(domain: name) == nil)
        // A program that has such an argument, as QEMU has.
        let fake = try ChildProcess("/bin/sh", ["-c", "while :; do sleep 1; done", "guest=\(name),debug-threads=on"])
        defer {
            fake.send(.kill)
            // Swift's own waiting for a test that ends its process would find this one again and again.
            _ = fake.wait()
        }
        #expect(eventuallyBlocking { EmulatorProcess.find(domain: name) == fake.pid })
        ProcessPriority.lower(fake.pid)
        let stat = try FileContents.readText("/proc/\(fake.pid)/stat", limit: 4096)
        let fields = stat.split(separator: ") ").last?.split(separator: " ") ?? []
        // The 19th field of proc(5) is the niceness; the third is the first here.
        #expect(fields.count > 16 && fields[16] == "19")
    }
}
