import Boot
import Curses
import Linux

/// What the loop remembers of the pictures of guests' screens.
struct PictureFollowing {
    /// When a session is asked next, by ``MonotonicClock``.
    var next: UInt64 = 0
    /// The session that was asked last.
    var session = ""
    var isAsking = false
    /// The picture that was drawn last, where and how.
    var drawn: (screen: SeenScreen, area: PictureArea, form: PictureForm, placed: PlacedPicture)?
}

/// Follows the screen of the guest that is shown.
extension MenuLoop {
    /// Nanoseconds between two questions; longer after one that brought nothing: guests of earlier versions never answer.
    private static let interval: (usual: UInt64, afterNothing: UInt64) = (2_000_000_000, 10_000_000_000)

    /// Adopts what the terminal has said of itself.
    func adoptPictures(_ screen: Screen) {
        let setting = screen.isUTF8 ? options.pictures : .off
        let form = PictureForm(setting, screen.abilities, cell: screen.cell, colors: screen.colors)
        guard form != state.pictures else { return }
        perform(state.handle(.pictures(form)))
        isDirty = true
    }

    /// Asks the session for its guest's screen, if one is shown and it is time.
    func askForScreen(_ now: UInt64) {
        guard let wanted = state.wantedScreen, !pictures.isAsking, !isAway else { return }
        guard now >= pictures.next || wanted.session != pictures.session else { return }
        (pictures.isAsking, pictures.session) = (true, wanted.session)
        Task {
            let size = PictureSize(width: wanted.width, height: wanted.height)
            let screen = await backend.screen(session: wanted.session, size: size)
            pictures.isAsking = false
            let pause = screen == nil ? MenuLoop.interval.afterNothing : MenuLoop.interval.usual
            pictures.next = MonotonicClock.nanoseconds + pause
            // If nothing changed there is nothing to draw.
            if let screen, screen != state.screen { post(.screen(screen)) }
        }
    }

    /// The shown picture as the terminal takes it. It is made once, and not at every draw.
    func placedPicture(in area: PictureArea) -> PlacedPicture? {
        guard let screen = state.shownScreen else { return nil }
        if let drawn = pictures.drawn, drawn.screen == screen, drawn.area == area, drawn.form == state.pictures {
            return drawn.placed
        }
        guard let placed = state.pictures.placed(screen.picture, in: area) else { return nil }
        pictures.drawn = (screen, area, state.pictures, placed)
        return placed
    }
}
