import FoundationEssentials
import GuestDomain
import Linux

/// What the guest's screen shows, for menus that ask.
///
/// QEMU is asked by one thread at a time, however many ask here, and less often the longer it takes; whoever asks gets the last
/// picture meanwhile, and waits a moment at most. Guests are hostile, so their pictures are read here and not in a menu.
final class SessionScreen: Sendable {
    /// Takes a picture. May wait for as long as QEMU does.
    typealias Look = @Sendable () throws -> ScreenPicture

    private struct State {
        var look: Look?
        var picture: ScreenPicture?
        /// When that was taken, when QEMU may be asked next, both by ``MonotonicClock``.
        var taken: UInt64 = 0
        var next: UInt64 = 0
        var isLooking = false
    }

    /// How often QEMU is asked, and how long somebody waits for its answer. Nanoseconds.
    struct Pace: Sendable {
        var pause: UInt64 = 1_000_000_000
        /// After a look that brought nothing.
        var pauseAfterFault: UInt64 = 10_000_000_000
        var patience: UInt64 = 1_500_000_000
    }

    /// The most of a picture that is kept, in pixels across and down; larger screens are scaled to it.
    private static let kept = (width: 1280, height: 1024)

    private let state = Monitor(State())
    private let pace: Pace

    init(pace: Pace = Pace()) { self.pace = pace }

    /// From now on there is a screen.
    func attach(_ look: @escaping Look) { state.change { $0.look = look } }

    /// The last picture, in `size` at most; nil where there is no screen, and none yet.
    /// - Parameter mayLook: whether QEMU may be asked for a new one.
    func answer(_ size: PictureSize, mayLook: Bool) -> PictureAnswer? {
        if mayLook, let look = begin() {
            // Without a thread the picture stays as it was.
            do { try WorkerThread.start(name: "guest screen") { [self] in take(look) } } catch {
                take { throw error }
            }
        }
        let end = MonotonicClock.nanoseconds + pace.patience
        _ = state.wait(until: { _ in end }) { $0.isLooking ? nil : true }
        let (picture, taken) = state.change(wakingIf: { (($0.picture, $0.taken), false) })
        let age = Int((max(MonotonicClock.nanoseconds, taken) - taken) / 1_000_000_000)
        return picture.map { PictureAnswer($0, within: size, age: age) }
    }

    /// - Returns: what takes the picture; nil when it is not time.
    private func begin() -> Look? {
        state.change(wakingIf: { state in
            guard !state.isLooking, let look = state.look, MonotonicClock.nanoseconds >= state.next else {
                return (nil, false)
            }
            state.isLooking = true
            return (look, false)
        })
    }

    private func take(_ look: () throws -> ScreenPicture) {
        let start = MonotonicClock.nanoseconds
        // One that cannot be had, or read, leaves the last one, which gets older.
        let picture = (try? look())?.scaled(within: SessionScreen.kept.width, SessionScreen.kept.height)
        let now = MonotonicClock.nanoseconds
        state.change { state in
            state.isLooking = false
            if let picture { (state.picture, state.taken) = (picture, now) }
            // A fifth of QEMU's time at most.
            state.next = now + max(picture == nil ? pace.pauseAfterFault : pace.pause, 4 * (now - start))
        }
    }
}

extension SessionRun {
    func screenshot(_ size: PictureSize?, _ status: SessionStatus) -> ControlResponse {
        var response = ControlResponse(status: status)
        // In all other states a read of the guest's disk may wait, and QEMU with it.
        let mayLook = status.phase == .up && [.running, .paused].contains(status.state)
        if let size { response.screen = screen.answer(size, mayLook: mayLook) }
        return response
    }
}

/// How large a picture may be.
package struct PictureSize: Codable, Sendable, Hashable {
    /// Pixels across and down.
    package var width: Int
    package var height: Int

    /// The most pixels that are sent: what a line on the control socket holds, with room to spare.
    package static let mostPixels = 120_000

    package init(width: Int, height: Int) { (self.width, self.height) = (width, height) }

    /// The size itself, or one with its proportions that may be sent.
    package var bounded: PictureSize {
        let (width, height) = (min(max(width, 1), 16_384), min(max(height, 1), 16_384))
        guard width * height > PictureSize.mostPixels else { return PictureSize(width: width, height: height) }
        let share = (Double(PictureSize.mostPixels) / Double(width * height)).squareRoot()
        return PictureSize(
            width: min(max(1, Int(Double(width) * share)), PictureSize.mostPixels),
            height: min(max(1, Int(Double(height) * share)), PictureSize.mostPixels))
    }
}

/// A picture of a guest's screen on a session's control socket.
package struct PictureAnswer: Codable, Sendable, Equatable {
    package let width: Int
    package let height: Int
    /// Three bytes a pixel, red, green and blue, row by row from the top; in JSON as Base64.
    let pixels: Data
    /// Seconds since it was taken.
    package let age: Int

    init(_ picture: ScreenPicture, within size: PictureSize, age: Int) {
        let size = size.bounded
        let small = picture.scaled(within: size.width, size.height)
        (width, height, pixels) = (small.width, small.height, Data(small.pixels))
        self.age = age
    }

    /// Nil where it says something else than it holds.
    package var picture: ScreenPicture? { ScreenPicture(width: width, height: height, pixels: Array(pixels)) }
}
