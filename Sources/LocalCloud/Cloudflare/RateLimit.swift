import Synchronization

/// 1,200 requests in 5 minutes, then nothing for 5 minutes. Source: Cloudflare, "API rate limits".
final class RateLimit: Sendable {
    static let window = Duration.seconds(300)

    private struct State {
        var windowStart = ContinuousClock.now
        var count = 0
        var blockedUntil: ContinuousClock.Instant?
    }

    private let maximum: Int?
    private let state = Mutex(State())

    /// - Parameter maximum: requests a window; nil switches the limit off.
    init(maximum: Int?) { self.maximum = maximum }

    func admit(at now: ContinuousClock.Instant = .now) throws {
        guard let maximum else { return }
        let wait: Duration? = state.withLock { state in
            if let until = state.blockedUntil {
                if now < until { return now.duration(to: until) }
                state = State(windowStart: now)
            }
            if state.windowStart.duration(to: now) >= Self.window { state = State(windowStart: now) }
            state.count += 1
            guard state.count > maximum else { return nil }
            state.blockedUntil = now.advanced(by: Self.window)
            return Self.window
        }
        guard let wait else { return }
        throw CloudflareError.tooManyRequests(retryAfter: Int(wait.components.seconds))
    }
}
