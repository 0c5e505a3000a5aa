import CurlHTTP

/// The server-sent events of a path, over as many connections as it takes.
actor EventFollower {
    enum News: Sendable {
        case event(EventParser.Event)
        case broken(String)
        case mended
    }

    /// The control plane says something every 15 s: a connection that is silent for longer is dead.
    static let longestSilence: Duration = .seconds(60)
    static let pause: Duration = .seconds(1)

    private let api: ControlPlaneAPI
    private let path: String
    private let silence: Duration
    private var lastEventID: String?
    private var heardAt = ContinuousClock.now
    private var patience = Patience()

    init(_ api: ControlPlaneAPI, _ path: String, silence: Duration = EventFollower.longestSilence) {
        self.api = api
        self.path = path
        self.silence = silence
    }

    /// Ends only with an error: a refusal, or a control plane that stays away for longer than `Patience`.
    /// Letting go of it ends the connection.
    nonisolated func news() -> AsyncThrowingStream<News, any Error> {
        AsyncThrowingStream { out in
            let following = Task {
                do {
                    try await self.follow(out)
                } catch {
                    out.finish(throwing: error)
                }
            }
            out.onTermination = { _ in following.cancel() }
        }
    }

    private func follow(_ out: AsyncThrowingStream<News, any Error>.Continuation) async throws {
        while true {
            do {
                try await read(try await api.stream(path, after: lastEventID), out)
            } catch {
                try Task.checkCancellation()
                try patience.bear(error)
                out.yield(.broken("\(error)"))
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    /// Until the connection ends, or has been silent for too long.
    private func read(
        _ body: AsyncThrowingStream<[UInt8], any Error>,
        _ out: AsyncThrowingStream<News, any Error>.Continuation
    ) async throws {
        heardAt = .now
        let reading = Task { try await self.consume(body, out) }
        let guarding = Task { await self.endWhenSilent(reading) }
        defer { guarding.cancel() }
        try await withTaskCancellationHandler {
            try await reading.value
        } onCancel: {
            reading.cancel()
        }
    }

    private func consume(
        _ body: AsyncThrowingStream<[UInt8], any Error>,
        _ out: AsyncThrowingStream<News, any Error>.Continuation
    ) async throws {
        // A part of an event that a broken connection left is not whole with what the next one brings.
        var parser = EventParser()
        for try await chunk in body {
            heardAt = .now
            if patience.isTried { out.yield(.mended) }
            patience = Patience()
            for event in parser.feed(chunk) { out.yield(.event(event)) }
            if let id = parser.lastEventID { lastEventID = id }
        }
    }

    private func endWhenSilent(_ reading: Task<Void, any Error>) async {
        while true {
            let left = silence - (ContinuousClock.now - heardAt)
            guard left > .zero else { return reading.cancel() }
            guard (try? await Task.sleep(for: left)) != nil else { return }
        }
    }
}

/// For how long the control plane may be away, once it was there. It is replaced in less.
struct Patience {
    static let longest: Duration = .seconds(300)

    private let limit: Duration
    private var since: ContinuousClock.Instant?

    init(limit: Duration = Patience.longest) { self.limit = limit }

    var isTried: Bool { since != nil }

    /// - Throws: the error, when it will not pass by itself, or has lasted for too long.
    mutating func bear(_ error: any Error) throws {
        let isPassing = (error as? Failure)?.isPassing ?? (error as? HTTPError)?.isPassing ?? false
        let began = since ?? .now
        guard isPassing, ContinuousClock.now - began < limit else { throw error }
        since = began
    }
}
