import Boot
import Linux
import Vendors

/// Carries out effects, each in a task of its own; their results come back as events.
extension MenuLoop {
    func start(_ effect: MenuEffect) {
        switch effect {
        case .loadOffer(let isAsked): loadOffer(isAsked: isAsked)
        case .price(let system):
            attempt {
                await self.backend.price(system)
                self.loadOffer(isAsked: false)
            }
        case .look(let number):
            Task {
                // A wait that is cancelled ends with the menu.
                try? await Task.sleep(for: .milliseconds(400))
                post(.looked(number))
            }
        case .askVendor(let system, let isAsked):
            Task { post(.vendorAnswered(system, failure: await backend.ask(system, isAsked: isAsked))) }
        case .hideVendor(let vendor, let isHidden):
            attempt {
                try await self.backend.hide(vendor, isHidden)
                self.loadOffer(isAsked: false)
            }
        case .login(let session, let image):
            attempt { self.post(.login(image, try await self.backend.login(session: session))) }
        case .loadCache: attempt { self.post(.cache(try await self.backend.cache())) }
        case .loadGuests: attempt { await self.loadGuests() }
        case .explainEnd(let session, let image):
            attempt {
                guard let end = await self.backend.endReason(session: session, image) else { return }
                self.post(.explained(image, end))
            }
        case .answer(let change, let isAllowed): keep(change, isAllowed)
        case .boot(let image, let number, let allowing, let wishes): boot(image, number, allowing, wishes)
        case .loadMachines: loadMachines()
        case .change(let machine, let change): self.change(machine, change)
        case .loadBisect, .beginBisect, .markBisect, .resetBisect: bisect(effect)
        case .loadSettings(let system, let form):
            attempt { self.post(.settings(try await self.backend.settings(of: system), form)) }
        case .saveSettings(let system, let settings, let seen): save(settings, replacing: seen, of: system)
        case .order(let order, let session):
            attempt {
                try await self.backend.order(order, session: session)
                await self.loadGuests()
            }
        case .changePorts(let session, let adding, let removing):
            attempt {
                try await self.backend.changePorts(session: session, adding: adding, removing: removing)
                self.post(.done("the guest's ports are changed"))
                await self.loadGuests()
            }
        case .forgetSuspended(let session):
            attempt {
                try await self.backend.forgetSuspended(session)
                await self.loadGuests()
                self.loadMachines()
            }
        case .console(let session):
            attempt {
                try await self.away {
                    try await self.backend.console(session: session, interruption: self.consoleInterruption)
                }
                await self.loadGuests()
            }
        case .window(let session): attempt { try await self.backend.window(session: session) }
        case .fetch(let image, let extent, let number): fetch(image, extent, number)
        case .makeWarm(let image, let number): makeWarm(image, number)
        case .stopFetch(let number): fetches[number]?.cancel()
        case .pin(let image, let isPinned):
            attempt {
                try await self.backend.pin(image, isPinned)
                self.post(
                    .done("\(image.title) is \(isPinned ? "pinned" : "unpinned")"))
                self.reload()
            }
        case .remove(let image):
            attempt {
                let freed = try await self.backend.remove(image)
                self.post(.done("\(image.title) removed from the cache; \(Format.bytes(freed)) freed"))
                self.reload()
            }
        case .verify: verify()
        case .addCatalog(let request): add(request)
        case .removeCatalog(let name):
            attempt {
                try await self.backend.removeCatalog(name)
                self.post(.done("no longer following \(name)"))
                self.loadOffer(isAsked: false)
            }
        case .redraw, .suspend, .quit: break
        }
    }

    /// Runs `body` in a task; an error becomes a message to the user.
    func attempt(_ body: @escaping () async throws -> Void) {
        Task {
            do { try await body() } catch { post(.failed(backend.message(for: error))) }
        }
    }

    private func reload() {
        loadOffer(isAsked: false)
        attempt { self.post(.cache(try await self.backend.cache())) }
    }

    /// One load at a time; if another is asked for meanwhile, it follows.
    func loadOffer(isAsked: Bool) {
        if isLoadingOffer {
            wantsOfferAgain = (wantsOfferAgain ?? false) || isAsked
            return
        }
        isLoadingOffer = true
        Task {
            for await offer in backend.offers(isAsked: isAsked) { post(.offer(offer)) }
            isLoadingOffer = false
            if let again = wantsOfferAgain {
                wantsOfferAgain = nil
                loadOffer(isAsked: again)
            }
        }
    }

    private func keep(_ change: TableChange, _ isAllowed: Bool) {
        answering = Task {
            do { try await backend.keep(change, isAllowed: isAllowed) } catch {
                post(.failed(backend.message(for: error)))
            }
        }
    }

    private func boot(_ image: VersionKey, _ number: Int, _ allowing: UnverifiedBoot?, _ wishes: BootWishes) {
        let session = wishes.resumes?.session ?? SessionID.random()
        // The lists show it soon, too.
        nextPoll = 0
        post(.launched(number, session: session))
        // As `boot` does, its own session is asked how far it is: a survey of all sessions waits for the slowest of them.
        let following = Task {
            while !Task.isCancelled {
                if let status = await backend.status(session: session) { post(.launchStatus(number, status)) }
                // A wait that is cancelled ends the loop.
                try? await Task.sleep(for: .milliseconds(300))
            }
        }
        Task {
            defer { following.cancel() }
            do {
                await answering?.value
                let report = try await backend.boot(image, session: session, allowing: allowing, wishes: wishes)
                let opening = await backend.opening(of: image.system)
                if let question = report.unverified {
                    post(.launchAsks(number, question))
                } else if let change = report.tableChange {
                    post(.launchAsksOfTable(number, change))
                } else if let question = report.home {
                    post(.launchAsksHome(number, question))
                } else if let question = report.share {
                    post(.launchAsksShare(number, question))
                } else if let loss = report.shareLoss {
                    post(.launchAsksWithoutShare(number, loss))
                } else if let misfit = report.misfit {
                    post(.launchAsksCold(number, misfit))
                } else if let boot = report.keepsUnverified {
                    post(.launchAsksKeep(number, boot))
                } else if let boot = report.publishesUnverified {
                    post(.launchAsksPorts(number, boot))
                } else if let boot = report.refused {
                    post(.launchFailed(number, boot.refusal, report.status))
                } else if let failure = report.failure {
                    post(.launchFailed(number, backend.message(for: failure), report.status))
                } else {
                    ups += 1
                    post(.launchUp(number, report.status, opening: opening))
                    for note in report.notes ?? [] { post(.done(note)) }
                }
            } catch {
                post(.launchFailed(number, backend.message(for: error), nil))
            }
        }
    }

    private func fetch(_ image: VersionKey, _ extent: VersionFetch.Extent, _ number: Int) {
        follow(number) { loop in
            for try await progress in loop.backend.fetch(image, extent) {
                loop.post(.fetched(number, done: progress.done, total: progress.total, rate: progress.rate))
            }
        }
    }

    /// Does something that takes long and can be stopped, and tells how it ended.
    func follow(_ number: Int, _ body: @escaping @Sendable (isolated MenuLoop) async throws -> Void) {
        fetches[number] = Task {
            do {
                try await body(self)
                post(.fetchEnded(number, Task.isCancelled ? .stopped : .done))
            } catch is CancellationError {
                post(.fetchEnded(number, .stopped))
            } catch {
                post(.fetchEnded(number, Task.isCancelled ? .stopped : .failed(backend.message(for: error))))
            }
            fetches[number] = nil
        }
    }

    /// One load at a time; if another is asked for meanwhile, it follows.
    func loadMachines() {
        if isLoadingMachines {
            wantsMachinesAgain = true
            return
        }
        isLoadingMachines = true
        attempt {
            defer {
                self.isLoadingMachines = false
                if self.wantsMachinesAgain {
                    self.wantsMachinesAgain = false
                    self.loadMachines()
                }
            }
            let machines = try await self.backend.machines()
            // If nothing changed there is nothing to draw.
            if machines != self.state.machines { self.post(.machines(machines)) }
        }
    }

    private func change(_ machine: String, _ change: MachineChange) {
        Task {
            do {
                try await backend.change(machine, change)
                post(.machineChanged(machine, change, failure: nil))
            } catch {
                post(.machineChanged(machine, change, failure: backend.message(for: error)))
            }
        }
    }

    private func save(_ settings: SystemSettings, replacing seen: SystemSettings, of system: SystemName) {
        Task {
            do {
                try await backend.set(settings, replacing: seen, of: system)
                post(.settingsSaved(system, failure: nil))
            } catch {
                post(.settingsSaved(system, failure: backend.message(for: error)))
            }
        }
    }

    private func verify() {
        Task {
            do {
                let damaged = try await backend.verify { done, total in
                    // Not every block is worth an event.
                    if done % 256 == 0 || done == total {
                        Task { await self.post(.verified(done: done, total: total)) }
                    }
                }
                post(
                    .verifyEnded(
                        damaged == 0
                            ? "all blocks are intact"
                            : "\(Format.several(damaged, "damaged block")) removed; they are fetched again when needed")
                )
            } catch {
                post(.verifyEnded("the cache could not be verified: \(backend.message(for: error))"))
            }
        }
    }

    private func add(_ request: CatalogRequest) {
        Task {
            do {
                switch try await backend.add(request) {
                case .added: post(.catalogAdded(request.name))
                case .asks(let question, let isPrivate): post(.catalogAsks(question, isPrivate: isPrivate))
                }
            } catch {
                post(.catalogRefused(backend.message(for: error)))
            }
        }
    }
}
