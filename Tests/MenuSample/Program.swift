import BootMenu
import Curses
import Dispatch
import Glibc
import Linux

/// The menu over a made-up world: `menu-sample [--many SYSTEMS VERSIONS] [--flood STEPS] [--silence SECONDS] [--empty] [--tidy] [--warm] [--machines]
/// [--vendors [--catalogs]] [--screens] [--ascii] [--no-mouse] [--no-color] [--crash]`. For screen tests, the benchmark and the captures in the README.
@main
enum Program {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGWINCH, SIGCONT] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            await run()
            done.signal()
        }
        done.wait()
        exit(0)
    }

    private static func number(after flag: String, _ place: Int = 1) -> Int? {
        let arguments = CommandLine.arguments
        guard let index = arguments.firstIndex(of: flag), arguments.indices.contains(index + place) else { return nil }
        return Int(arguments[index + place])
    }

    private static func run() async {
        let arguments = CommandLine.arguments
        let offer: MenuOffer =
            if let systems = number(after: "--many"), let versions = number(after: "--many", 2) {
                SampleOffer.many(systems: systems, versions: versions)
            } else if arguments.contains("--vendors") {
                arguments.contains("--catalogs") ? SampleOffer.both() : SampleOffer.vendors()
            } else if arguments.contains("--empty") {
                MenuOffer(isPriced: true)
            } else {
                SampleOffer.few(
                    isTidy: arguments.contains("--tidy"), warm: arguments.contains("--warm") ? ["debian"] : [])
            }
        let backend = SampleBackend(
            offer: offer, machines: arguments.contains("--machines") ? SampleOffer.machines() : [],
            flood: number(after: "--flood") ?? 0, silence: .seconds(number(after: "--silence") ?? 0),
            hasScreens: arguments.contains("--screens"))
        let options = MenuOptions(
            mouse: !arguments.contains("--no-mouse"), color: !arguments.contains("--no-color"),
            ascii: arguments.contains("--ascii"), environment: { name in getenv(name).map { String(cString: $0) } })
        let facts = MachineFacts(hasDisplay: false, mayShowShell: !LoginFacts.current().isLoginsFirst)
        do {
            let menu = try MenuLoop(backend: backend, options: options, facts: facts)
            handleSignals(menu)
            if arguments.contains("--crash") { crash() }
            let end = try await menu.run()
            print("left with \(end.guests) guests")
            if let signal = end.signal { exit(128 + signal) }
        } catch {
            print("no screen: \(error)")
            exit(69)
        }
    }

    private static func handleSignals(_ menu: MenuLoop) {
        // Without the thread signals do nothing, and the test says so.
        try? WorkerThread.start(name: "signals") {
            var set = sigset_t()
            sigemptyset(&set)
            for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&set, number) }
            var number: Int32 = 0
            while sigwait(&set, &number) == 0 { menu.interrupt(number) }
        }
    }

    private static func crash() {
        // Without the thread nothing crashes, and the test says so.
        try? WorkerThread.start(name: "crash") {
            sleep(2)
            fatalError("as asked")
        }
    }
}
