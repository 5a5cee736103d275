import Boot
import Catalog

/// Forms: what they show, and what is done with what was entered.
extension MenuState {
    // MARK: A system's settings

    /// The system that a key on this screen is about.
    var chosenSystemName: SystemName? {
        switch top.screen {
        case .systems:
            switch systemsRow(top.position.selected, of: top) {
            case .system(let system): system.name
            case .machine(let machine): machine.base?.system
            default: nil
            }
        case .versions(let name): name
        case .details(let image): image.system
        case .machine(let name): machine(name)?.base?.system
        default: nil
        }
    }

    /// Reads what is set for the chosen system; the form follows.
    mutating func askSettings() -> [MenuEffect] { chosenSystemName.map { [.loadSettings($0, .settings)] } ?? [] }

    /// As ``askSettings()``, for a boot of the chosen version.
    mutating func askBoot(keeps: Bool) -> [MenuEffect] {
        if let refusal = refusal() { return refusal }
        if let image = chosenImage { return [.loadSettings(image.system, .boot(image, keeps: keeps))] }
        if let system = chosenVendorSystem { say("the builds of \(system.distribution.id) are not known yet; r asks") }
        return []
    }

    mutating func show(_ overview: SettingsOverview, _ form: SettingsForm) {
        // Something else is shown, or chosen, by now.
        guard overlay == nil else { return }
        switch form {
        case .settings:
            if chosenSystemName == overview.system { overlay = .form(settingsForm(overview)) }
        case .boot(let image, let keeps):
            if chosenImage == image { overlay = .form(bootForm(image, overview, keeps: keeps)) }
        case .clipboard(let session):
            if let guest = chosenGuest, guest.id == session { overlay = .dialog(clipboardDialog(guest, overview)) }
        }
    }

    private func settingsForm(_ overview: SettingsOverview) -> Form {
        let name = overview.system
        let fields = SystemSettings.Key.allCases.map { key in
            let choices = Self.choices(key, overview)
            return TextField(
                label: Self.label(key), text: overview.own.text(key) ?? "", note: inherited(key, overview),
                choices: choices, isClosed: !choices.isEmpty && key != .home)
        }
        return Form(.settings(overview), title: "Settings of \(name.catalog)/\(name.distribution)", fields)
    }

    private static func label(_ key: SystemSettings.Key) -> String {
        switch key {
        case .memory: "Memory"
        case .cpus: "Processors"
        case .disk: "Disk"
        case .home: "Home"
        case .share: "Folder"
        case .display: "Display"
        case .network: "Network"
        case .publish: "Ports"
        case .healthy: "Healthy in"
        case .clipboard: "Clipboard"
        case .warm: "Warm start"
        }
    }

    private static func choices(_ key: SystemSettings.Key, _ overview: SettingsOverview) -> [String] {
        switch key {
        case .memory, .cpus, .disk, .share, .publish, .healthy: []
        case .home: overview.homes
        case .display: BootRequest.Display.allCases.map(\.rawValue)
        case .network: SystemSettings.networks
        case .clipboard: SystemSettings.Clipboard.allCases.map(\.rawValue)
        case .warm: WarmSettings.Use.allCases.map(\.rawValue)
        }
    }

    /// What holds where a setting is left empty, and who says so.
    private func inherited(_ key: SystemSettings.Key, _ overview: SettingsOverview) -> String {
        let unit = key == .memory ? " MiB" : key == .healthy ? " s" : ""
        if let text = overview.below.text(key), !text.isEmpty {
            return "else \(text)\(unit), from \(overview.belowFile)"
        }
        if let text = overview.general.text(key) { return "else \(text)\(unit), as for all systems" }
        // A boot without a version takes the newest.
        let advice = system(overview.system).map { system in
            system.newest.map { system.distribution.guest(of: $0.version) } ?? system.distribution.guest
        }
        return switch key {
        case .memory:
            advice?.memoryMiB.map { "else \($0) MiB, its catalog's advice" }
                ?? "else \(SystemSettings.usualMemoryMiB) MiB"
        case .cpus: advice?.cpus.map { "else \($0), its catalog's advice" } ?? "else \(SystemSettings.usualCpus)"
        case .disk: "else as its image has it"
        case .home: "else none"
        case .share: "a folder here, or DIR:ro; else none"
        case .display: "else a key opens it"
        case .network: "else user"
        case .publish: "such as 8080:80; else none"
        case .healthy: "else 5 usual starts, with a home"
        case .clipboard: "else off; on shares the desktop's"
        case .warm: "else always, where it can"
        }
    }

    // MARK: A boot of another kind

    private func bootForm(_ image: VersionKey, _ overview: SettingsOverview, keeps: Bool) -> Form {
        let size = overview.own.diskSize ?? overview.below.diskSize
        var fields = [
            TextField(
                label: "Disk",
                note: size.map { "else \(Format.bytes($0)), as set" } ?? "such as 20GiB; else its image's"
            ),
            TextField(
                label: "Home", text: overview.home ?? "",
                note: overview.homes.isEmpty ? "a new home's name; else none" : "a new name makes one",
                choices: overview.homes),
            TextField(
                label: "Folder", text: overview.share ?? "",
                note: "a folder here, or DIR:ro; else none"),
        ]
        guard keeps else { return Form(.boot(image, overview, keeps: false), title: "Boot \(image.title)", fields) }
        fields.insert(TextField(label: "Name", text: freeMachineName(image.distribution)), at: 0)
        return Form(.boot(image, overview, keeps: true), title: "Keep \(image.title) as a machine", fields)
    }

    // MARK: Submitting

    mutating func submit(_ form: Form) -> [MenuEffect] {
        switch form.purpose {
        case .catalog: return submitCatalog(form)
        case .settings(let overview): return submit(form, overview)
        case .boot(let image, let overview, let keeps): return submit(form, image, overview, keeps: keeps)
        case .machine(let name, let question): return submit(form, name, question)
        case .ports(let session, let known): return submitPorts(form, session, known)
        }
    }

    /// - Returns: nothing to do: the form says what is wrong.
    mutating func refuse(_ form: Form, _ field: Int, _ reason: String) -> [MenuEffect] {
        var form = form
        form.error = reason
        form.focus = field
        overlay = .form(form)
        return []
    }

    private mutating func submitCatalog(_ form: Form) -> [MenuEffect] {
        let request = form.catalogRequest
        if request.name.isEmpty { return refuse(form, 0, "enter a name: what you want to call this catalog") }
        if request.url.isEmpty { return refuse(form, 1, "enter the catalog's address") }
        wait(form)
        return [.addCatalog(request)]
    }

    private mutating func wait(_ form: Form) {
        var form = form
        form.isBusy = true
        form.error = ""
        overlay = .form(form)
    }

    private mutating func submit(_ form: Form, _ overview: SettingsOverview) -> [MenuEffect] {
        var settings = SystemSettings()
        for (place, key) in SystemSettings.Key.allCases.enumerated() {
            if let fault = settings.set(key, to: form.texts[place]) {
                return refuse(form, place, "\(Self.label(key)) \(fault)")
            }
        }
        // An empty field is no home, too, and the file may have said so.
        if settings.home == nil, overview.own.home?.isEmpty == true { settings.home = "" }
        if settings.share == nil, overview.own.share?.isEmpty == true { settings.share = "" }
        if settings == overview.own {
            overlay = nil
            return []
        }
        wait(form)
        return [.saveSettings(overview.system, settings, replacing: overview.own)]
    }

    private mutating func submit(
        _ form: Form, _ image: VersionKey, _ overview: SettingsOverview, keeps: Bool
    ) -> [MenuEffect] {
        let texts = form.texts
        let first = keeps ? 1 : 0
        var entered = SystemSettings()
        var wishes = BootWishes()
        if keeps {
            if let fault = fault(ofNewMachine: texts[0]) { return refuse(form, 0, fault) }
            wishes.keep = texts[0]
        }
        if let fault = entered.set(.disk, to: texts[first]) { return refuse(form, first, "Disk \(fault)") }
        if let fault = entered.set(.home, to: texts[first + 1]) { return refuse(form, first + 1, "Home \(fault)") }
        wishes.diskSize = entered.diskSize
        wishes.home = entered.home ?? ""
        if let fault = entered.set(.share, to: texts[first + 2]) { return refuse(form, first + 2, "Folder \(fault)") }
        // What the settings say they say without being asked.
        if entered.share != overview.share { wishes.share = entered.share ?? "" }
        overlay = nil
        var effects: [MenuEffect] = []
        if keeps, overview.isMetered { askBase(image, wishes) } else { effects = boot(image, wishes: wishes) }
        if entered.home != overview.home {
            var settings = overview.own
            // None is set only where another file would give it one.
            settings.home = entered.home ?? (overview.below.home == nil ? nil : "")
            effects.append(.saveSettings(overview.system, settings, replacing: overview.own))
        }
        return effects
    }

    private func fault(ofNewMachine name: String) -> String? {
        if name.isEmpty { return "enter a name for the machine" }
        guard KeptName(name) != nil else { return "a name has letters, digits, dots, dashes and underscores" }
        return machine(name) == nil ? nil : "there is a machine \(name) already"
    }

    private mutating func submit(_ form: Form, _ name: String, _ question: Form.MachineQuestion) -> [MenuEffect] {
        let text = form.texts[0]
        let wanted: MachineChange
        switch question {
        case .snapshot: wanted = .snapshot(text)
        case .clone: wanted = .clone(text)
        case .rename:
            if text == name {
                overlay = nil
                return []
            }
            wanted = .rename(text)
        case .export: wanted = .export(text)
        case .grow:
            var entered = SystemSettings()
            if let fault = entered.set(.disk, to: text) { return refuse(form, 0, "Size \(fault)") }
            wanted = .grow(entered.diskSize ?? 0)
        }
        if text.isEmpty { return refuse(form, 0, question == .export ? "enter a file's path" : "enter a name") }
        switch question {
        case .clone, .rename: if let fault = fault(ofNewMachine: text) { return refuse(form, 0, fault) }
        case .snapshot where machine(name)?.snapshots.contains(where: { $0.name == text }) == true:
            return refuse(form, 0, "it has a snapshot \(text) already")
        default: break
        }
        overlay = nil
        return change(name, wanted)
    }

    /// Settings were saved, or not.
    mutating func endSave(of name: SystemName, _ failure: String?) -> [MenuEffect] {
        if case .form(var form) = overlay, case .settings(let overview) = form.purpose, overview.system == name {
            if let failure {
                form.isBusy = false
                form.error = failure
                overlay = .form(form)
            } else {
                overlay = nil
            }
        }
        say(
            failure.map { "the settings of \(name.distribution) were not saved: \($0)" }
                ?? "the settings of \(name.catalog)/\(name.distribution) are saved", isFailure: failure != nil)
        // What starts warm depends on them.
        return failure == nil ? [.loadOffer(isAsked: false)] : []
    }
}
