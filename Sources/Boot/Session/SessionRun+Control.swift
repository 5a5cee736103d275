/// What a session answers on its control socket.
extension SessionRun {
    func answer(_ request: ControlRequest) -> ControlResponse {
        let status = state.snapshot
        switch request.command {
        case .status: return ControlResponse(status: status)
        case .blockMap:
            let cells = min(max(request.cells ?? 512, 1), ControlRequest.mostCells)
            return ControlResponse(status: status, map: state.blockMap(cells: cells))
        case .screenshot: return screenshot(request.size, status)
        case .stop, .force:
            stop(force: request.command == .force)
        case .suspend:
            if let refusal = refusalToSuspend(status) { return ControlResponse(status: status, refusal: refusal) }
            update { $0.suspension = .init() }
            signals.continuation.yield(.suspend)
        case .pause, .resume:
            guard status.phase == .up, status.state != .stopping else {
                return ControlResponse(status: status, refusal: "the guest is \(status.state.rawValue)")
            }
            signals.continuation.yield(request.command == .pause ? .pause : .resume)
        case .publish, .withdraw: return changePorts(request)
        }
        return ControlResponse(status: status)
    }

    /// Why the guest cannot be suspended now; nil where it may be tried.
    private func refusalToSuspend(_ status: SessionStatus) -> String? {
        guard status.phase == .up else { return "its guest does not run yet: try again when it does" }
        switch status.state {
        case .stopping: return "its guest is shutting down"
        case .suspending, .suspended: return "its guest is being suspended already"
        case .starting, .running, .waiting, .paused: break
        }
        if let device = status.usb?.first {
            return "it has a USB device of this machine (\(device)), which cannot be saved"
        }
        return nil
    }
}
