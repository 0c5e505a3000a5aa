/// A provider's token bucket, by virtual time.
struct TokenBucket {
    let capacity: Double
    let perSecond: Double
    private var tokens: Double
    private var filledAt = 0

    init(capacity: Double, perSecond: Double) {
        self.capacity = capacity
        self.perSecond = perSecond
        tokens = capacity
    }

    /// - Parameter now: microseconds.
    mutating func take(at now: Int) -> Bool {
        tokens = min(capacity, tokens + Double(now - filledAt) / 1_000_000 * perSecond)
        filledAt = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}

/// So many calls within any window; one more closes the door for as long as the window lasts. Source:
/// Cloudflare, "API rate limits": 1,200 requests within five minutes, then 429 for the next five.
struct BlockingWindow {
    static let limit = 1_200
    static let windowMicroseconds = 300_000_000

    private var calls: [Int] = []
    private var oldest = 0
    private var blockedUntil = 0

    /// - Returns: nil when the call is admitted, else the seconds to wait.
    mutating func refusal(at now: Int) -> Int? {
        if now < blockedUntil { return (blockedUntil - now) / 1_000_000 + 1 }
        while oldest < calls.count, calls[oldest] <= now - Self.windowMicroseconds { oldest += 1 }
        if oldest > Self.limit {
            calls.removeFirst(oldest)
            oldest = 0
        }
        guard calls.count - oldest < Self.limit else {
            blockedUntil = now + Self.windowMicroseconds
            return Self.windowMicroseconds / 1_000_000
        }
        calls.append(now)
        return nil
    }
}
