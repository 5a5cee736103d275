import Boot

/// What is done about bisects.
extension MenuLoop {
    func bisect(_ effect: MenuEffect) {
        attempt {
            switch effect {
            case .loadBisect(let name): self.show(try await self.backend.bisect(of: name), name)
            case .beginBisect(let name, let good, let bad):
                self.show(try await self.backend.beginBisect(of: name, good: good, bad: bad), name)
            case .markBisect(let name, let version, let verdict):
                self.show(try await self.backend.mark(version, verdict, of: name), name)
                await self.loadGuests()
            case .resetBisect(let name):
                try await self.backend.resetBisect(of: name)
                self.show(nil, name)
                await self.loadGuests()
            default: break
            }
        }
    }

    /// Looks again at what is on the screen. What fails was said when it was asked for.
    func followBisect(_ name: SystemName) {
        Task {
            do { show(try await backend.bisect(of: name), name) } catch {}
        }
    }

    /// If nothing changed there is nothing to draw.
    private func show(_ item: BisectItem?, _ name: SystemName) {
        if item != state.bisects[name] { post(.bisect(name, item)) }
    }
}
