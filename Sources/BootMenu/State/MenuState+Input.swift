import Curses

/// Keys and clicks.
extension MenuState {
    mutating func handle(_ input: ScreenInput) -> [MenuEffect] {
        message = nil
        awaited = nil
        if layout.isTiny { return handleTiny(input) }
        switch overlay {
        case .dialog(let dialog): return handle(input, in: dialog)
        case .form(let form): return handle(input, in: form)
        case .find(let field): return handle(input, in: field)
        case nil: break
        }
        switch input {
        case .wheel(let rows):
            scroll(rows)
            return []
        case .pasted:
            say("pasted text does nothing here; press / to find")
            return []
        default:
            return KeyBinding.command(for: input, on: top.screen.kind).map { perform($0) } ?? []
        }
    }

    /// A screen that is too small to show anything can only be left.
    private mutating func handleTiny(_ input: ScreenInput) -> [MenuEffect] {
        switch input {
        case .character("q"), .control("c"): return leave()
        case .control("l"): return [.redraw]
        case .control("z"): return perform(.suspend)
        default: return []
        }
    }

    private func leave() -> [MenuEffect] { [.quit] }

    mutating func scroll(_ rows: Int) {
        hasChosen = true
        select((isText ? top.position.top : top.position.selected) + rows)
    }

    mutating func handle(_ target: HitTarget, isDouble: Bool) -> [MenuEffect] {
        message = nil
        awaited = nil
        switch (target, overlay) {
        case (.button(let button), .dialog(var dialog)):
            guard dialog.buttons.indices.contains(button) else { return [] }
            dialog.selected = button
            return answer(dialog)
        case (.field(let field), .form(var form)):
            form.focus = min(field, form.fields.count - 1)
            overlay = .form(form)
        case (_, .dialog), (_, .form): break
        case (.row(let row), _):
            overlay = nil
            guard row < rowCount, !isText else { return [] }
            hasChosen = true
            select(row)
            if isDouble { return perform(top.screen.kind == .cache ? .details : .activate) }
        case (.guest(let id), _):
            overlay = nil
            open(.guest(id))
            return [.loadGuests]
        case (.command(let command), _):
            overlay = nil
            return perform(command)
        default: break
        }
        return []
    }

    // MARK: Over the screen

    private mutating func handle(_ input: ScreenInput, in dialog: Dialog) -> [MenuEffect] {
        var dialog = dialog
        let count = dialog.buttons.count
        switch input {
        case .named(.escape), .character("q"): overlay = nil
        case .control("c"): return perform(.quitAtOnce)
        case .control("l"): return [.redraw]
        case .control("z"): return perform(.suspend)
        case .named(.enter): return answer(dialog)
        case .named(.right), .named(.tab), .named(.down), .character("l"), .character("j"):
            dialog.selected = (dialog.selected + 1) % count
            overlay = .dialog(dialog)
        case .named(.left), .named(.backTab), .named(.up), .character("h"), .character("k"):
            dialog.selected = (dialog.selected + count - 1) % count
            overlay = .dialog(dialog)
        default: break
        }
        return []
    }

    private mutating func handle(_ input: ScreenInput, in form: Form) -> [MenuEffect] {
        var form = form
        switch input {
        case .named(.escape):
            overlay = nil
            return []
        case .control("c"): return perform(.quitAtOnce)
        case .control("l"): return [.redraw]
        case .control("z"): return perform(.suspend)
        case .named(.tab), .named(.down): form.focus = (form.focus + 1) % form.fields.count
        case .named(.backTab), .named(.up): form.focus = (form.focus + form.fields.count - 1) % form.fields.count
        case .named(.enter):
            guard !form.isBusy else { return [] }
            // All fields of a catalog are needed, so it goes through them; what the others leave empty need not be entered.
            if form.purpose == .catalog, form.focus < form.fields.count - 1 {
                form.focus += 1
                break
            }
            return submit(form)
        default:
            guard !form.isBusy else { break }
            if MenuState.choose(&form.fields[form.focus], with: input)
                || MenuState.edit(&form.fields[form.focus], with: input)
            {
                form.error = ""
            }
        }
        overlay = .form(form)
        return []
    }

    private mutating func handle(_ input: ScreenInput, in field: TextField) -> [MenuEffect] {
        var field = field
        switch input {
        case .named(.escape):
            overlay = nil
            top.filter = ""
            list(stack.count - 1)
            return []
        case .named(.enter):
            overlay = nil
            return []
        case .named(.up), .named(.down), .named(.pageUp), .named(.pageDown):
            return KeyBinding.command(for: input, on: top.screen.kind).map { perform($0) } ?? []
        case .wheel(let rows):
            scroll(rows)
            return []
        case .control("c"): return perform(.quitAtOnce)
        case .control("l"): return [.redraw]
        case .control("z"): return perform(.suspend)
        default: break
        }
        if MenuState.edit(&field, with: input) {
            hasChosen = true
            overlay = .find(field)
            top.filter = field.text
            list(stack.count - 1)
        }
        return []
    }

    /// Takes the keys with which a field's choices are gone through.
    /// - Returns: whether it was one of them; of a field that has only these, every key is.
    private static func choose(_ field: inout TextField, with input: ScreenInput) -> Bool {
        guard !field.choices.isEmpty else { return false }
        switch input {
        case .named(.right) where field.cursor == field.characters.count: field.choose(forward: true)
        case .named(.right), .character(" "):
            guard field.isClosed else { return false }
            field.choose(forward: true)
        case .named(.left) where field.isClosed: field.choose(forward: false)
        case .named(.backspace), .named(.delete), .control("u"):
            guard field.isClosed else { return false }
            field.clear()
        case .character(let character) where field.isClosed: field.choose(from: character)
        default: return field.isClosed
        }
        return true
    }

    /// - Returns: whether the field changed or its cursor moved.
    private static func edit(_ field: inout TextField, with input: ScreenInput) -> Bool {
        switch input {
        case .character(let character): field.insert(String(character))
        case .pasted(let text): field.insert(text)
        case .named(.backspace): field.deleteBackward()
        case .named(.delete): field.deleteForward()
        case .named(.left): field.move(to: field.cursor - 1)
        case .named(.right): field.move(to: field.cursor + 1)
        case .named(.home), .control("a"): field.move(to: 0)
        case .named(.end), .control("e"): field.move(to: field.characters.count)
        case .control("u"): field.clear()
        default: return false
        }
        return true
    }
}
