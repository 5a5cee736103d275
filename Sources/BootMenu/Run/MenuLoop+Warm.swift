import Boot

/// Making a version start warm.
extension MenuLoop {
    func makeWarm(_ image: VersionKey, _ number: Int) {
        fetches[number] = Task {
            do {
                for try await progress in backend.makeWarm(image) {
                    switch progress {
                    case .fetching(let fetch):
                        post(.fetched(number, done: fetch.done, total: fetch.total, rate: fetch.rate))
                    case .booting: post(.warming(number, .booting))
                    case .saving: post(.warming(number, .saving))
                    }
                }
                post(.fetchEnded(number, Task.isCancelled ? .stopped : .done))
            } catch is CancellationError {
                post(.fetchEnded(number, .stopped))
            } catch {
                post(.fetchEnded(number, Task.isCancelled ? .stopped : .failed(backend.message(for: error))))
            }
            fetches[number] = nil
        }
    }
}
