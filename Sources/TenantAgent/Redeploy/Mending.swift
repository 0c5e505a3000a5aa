import TenantProtocol

/// Ends a replacement whose outcome was never recorded, wherever its process was cut off. It goes back to the
/// old container, but for two cases: the new one was already serving, or the old one cannot read the data any
/// more. Each step may be done twice.
struct Mending: Sendable {
    let installation: Installation
    let docker: DockerEngine

    /// For connections of a container that nobody waits for any more, in seconds.
    private static let stopSeconds = 10

    /// - Returns: whether there was one
    @discardableResult
    func run() async throws -> Bool {
        var state = try StackState.load(installation.stackStatePath)
        guard let replacement = state.replacement else { return false }
        let name = replacement.container
        if let takeover = replacement.takeover {
            switch takeover.phase {
            case .starting: try await withdraw(name)
            case .switched, .draining: try await settle(name, stopSeconds: Self.stopSeconds)
            }
        } else if replacement.isIrreversible == true {
            try await keepNew(replacement, &state)
        } else {
            try await goBack(name)
        }
        state.replacement = nil
        try state.save(installation.stackStatePath)
        return true
    }

    private func goBack(_ name: String) async throws {
        if try await docker.container(Replacement.previousName(name)) != nil {
            // The old container was set aside: whatever has its name now is the new one.
            try await docker.remove(name)
            try await docker.rename(Replacement.previousName(name), to: name)
        }
        try await withdraw(name)
    }

    /// The new container goes, the old one runs.
    private func withdraw(_ name: String) async throws {
        try await docker.remove(Replacement.nextName(name))
        if try await docker.container(name) != nil { try await docker.start(name) }
    }

    /// It was about to start, under its final name.
    private func keepNew(_ replacement: StackState.Replacement, _ state: inout StackState) async throws {
        let name = replacement.container
        let declared = Stack.declaredImages(try installation.declaration().stack)[name] ?? ""
        state.record(name, image: replacement.image, declared: declared, port: replacement.port)
        try state.save(installation.stackStatePath)
        try await docker.start(name)
        try await docker.remove(Replacement.previousName(name))
    }

    /// The new container takes the name, and the old one ends.
    func settle(_ name: String, stopSeconds: Int) async throws {
        let next = Replacement.nextName(name)
        let previous = Replacement.previousName(name)
        if try await docker.container(next) != nil {
            if try await docker.container(name) != nil {
                try await docker.remove(previous)
                try await docker.rename(name, to: previous)
            }
            try await docker.rename(next, to: name)
        }
        try await docker.start(name)
        try await docker.stop(previous, graceSeconds: stopSeconds)
        try await docker.remove(previous)
    }
}
