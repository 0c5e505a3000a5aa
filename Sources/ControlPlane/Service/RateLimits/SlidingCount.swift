import Arithmetic

/// The requests of one bucket in the last minute, counted by whole minutes: what is left of the minute before
/// counts by its share (Cloudflare, "How we built rate limiting capable of scaling to millions of domains").
struct SlidingCount: Sendable {
    static let windowSeconds = 60.0

    /// Minutes since 1970.
    private(set) var minute: Int
    private var previous = 0
    /// In this minute by all replicas, as last heard.
    private var shared = 0
    /// In this minute by this replica, not told to the others yet.
    private(set) var untold = 0
    private var limit = 1

    init(at now: Double) { minute = Self.minute(of: now) }

    static func minute(of now: Double) -> Int { Int(saturating: (now / windowSeconds).rounded(.down)) }

    /// - Parameter now: seconds since 1970
    /// - Returns: nil when it is let in, and counted; else seconds until one is
    mutating func admit(at now: Double, limit: Int) -> Double? {
        move(to: now)
        self.limit = limit
        let elapsed = now - Double(minute) * Self.windowSeconds
        let present = shared +| untold
        let weight = max(0, 1 - elapsed / Self.windowSeconds)
        guard Int(saturating: (Double(previous) * weight).rounded()) +| present >= limit else {
            untold = untold +| 1
            return nil
        }
        return max(1, wait(elapsed, room: limit -| 1 -| present, of: previous, or: limit -| 1, of: present))
    }

    /// Until the minute before weighs little enough, or this one does, when it is the minute before.
    private func wait(
        _ elapsed: Double, room: Int, of previous: Int, or nextRoom: Int, of present: Int
    ) -> Double {
        if room >= 0, previous > 0 {
            return Self.windowSeconds * (1 - (Double(room) + 0.5) / Double(previous)) - elapsed
        }
        let share = present > 0 ? 1 - (Double(nextRoom) + 0.5) / Double(present) : 0
        return Self.windowSeconds - elapsed + Self.windowSeconds * max(0, share)
    }

    private mutating func move(to now: Double) {
        let current = Self.minute(of: now)
        guard current > minute else { return }
        previous = current == minute +| 1 ? shared +| untold : 0
        (minute, shared, untold) = (current, 0, 0)
    }

    /// What the others are to be told; nothing while this replica has used less than a tenth of the limit, so
    /// that ordinary traffic costs no statement.
    func news(at now: Double) -> Int {
        guard minute == Self.minute(of: now), untold > 0, (shared +| untold) *| 10 >= limit else { return 0 }
        return untold
    }

    /// The others have been told of `count`, and all together have `total`.
    mutating func told(_ count: Int, total: Int, minute: Int) {
        guard minute == self.minute else { return }
        untold -|= count
        shared = total
    }

    /// Whether nothing of it counts any more.
    func isOver(at now: Double) -> Bool { Self.minute(of: now) > minute +| 1 }
}
