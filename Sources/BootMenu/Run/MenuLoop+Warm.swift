import Boot

/// Making a version start warm.
extension MenuLoop {
    func makeWarm(_ image: VersionKey, _ number: Int) {
        follow(number) { loop in
            for try await progress in loop.backend.makeWarm(image) {
                switch progress {
                case .fetching(let fetch):
                    loop.post(.fetched(number, done: fetch.done, total: fetch.total, rate: fetch.rate))
                case .booting: loop.post(.warming(number, .booting))
                case .saving: loop.post(.warming(number, .saving))
                }
            }
        }
    }
}
