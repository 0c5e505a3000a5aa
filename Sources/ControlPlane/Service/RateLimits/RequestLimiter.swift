import AdminProtocol
import Arithmetic
import FoundationEssentials
import Logging
import Organisations
import Postgres
import ServiceLifecycle
import Synchronization

/// Counts requests and refuses what is too much, without asking anybody: a request costs no statement.
///
/// Replicas tell each other every `period`, in one statement, of the buckets that have used a tenth of their
/// limit. So `n` replicas together let in at most the limit, and beyond it what each of them had not told
/// yet: a tenth of the limit, and what came within a period. While the database is away, each holds the limit
/// by itself; nobody is refused for that reason.
final class RequestLimiter: Service {
    static let period: Duration = .milliseconds(250)
    /// Buckets that are kept at most. What comes beyond them is let in uncounted, and told in the log.
    static let maximumBuckets = 200_000
    /// Of one statement.
    static let maximumTold = 5_000
    /// Between two looks for buckets that are over, here and in the table.
    static let sweepSeconds = 30.0

    private struct State {
        var counts: [String: SlidingCount] = [:]
        /// With something to tell the others.
        var busy: Set<String> = []
        var sweptAt = 0.0
        var isFull = false
        /// Since the last sweep, a count could not be reported to the others.
        var hasFailed = false

        mutating func admit(_ bucket: String, at time: Double, limit: Int) -> Double? {
            let (wait, hasNews) = { (count: inout SlidingCount) in
                let wait = count.admit(at: time, limit: limit)
                return (wait, wait == nil && count.news(at: time) > 0)
            }(&counts[bucket, default: SlidingCount(at: time)])
            if hasNews { busy.insert(bucket) }
            return wait
        }

        /// - Returns: what to tell of the busy buckets, sorted; they are no longer busy
        mutating func takeNews(at time: Double) -> [(bucket: String, count: Int)] {
            let taken = busy.sorted().prefix(RequestLimiter.maximumTold)
            busy.subtract(taken)
            return taken.map { ($0, counts[$0]?.news(at: time) ?? 0) }.filter { $0.1 > 0 }
        }
    }

    private let state = Mutex(State())
    private let database: PostgresPool
    private let logger: Logger
    private let now: @Sendable () -> Double

    /// - Parameter now: seconds since 1970
    init(
        database: PostgresPool, logger: Logger,
        now: @escaping @Sendable () -> Double = { Date.now.timeIntervalSince1970 }
    ) {
        self.database = database
        self.logger = logger
        self.now = now
    }

    /// - Throws: `rate_limited` (429), with the seconds to wait.
    func admit(_ bucket: String, limit: Int) throws {
        let time = now()
        let wait = state.withLock { state -> Double? in
            guard state.counts[bucket] != nil || state.counts.count < Self.maximumBuckets else {
                state.isFull = true
                return nil
            }
            return state.admit(bucket, at: time, limit: limit)
        }
        guard let wait else { return }
        let seconds = Int(saturating: wait.rounded(.up))
        throw AppError(
            .tooManyRequests, "rate_limited",
            "More than \(limit) requests in a minute. Try again in \(seconds) s.", retryAfter: seconds)
    }

    // MARK: Between replicas

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.period)
                do {
                    try await self.exchange()
                    try await self.sweep()
                } catch let error where !(error is CancellationError) {
                    self.logger.warning(
                        "requests are counted by this replica alone", metadata: ["error": "\(error)"])
                    try await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// An answer that is lost counts its requests twice: the limit is held, and a little early.
    func exchange() async throws {
        let time = now()
        let minute = SlidingCount.minute(of: time)
        let news = state.withLock { $0.takeNews(at: time) }
        guard !news.isEmpty else { return }
        let totals: [String: Int]
        do {
            totals = try await add(news, minute)
        } catch {
            // Told with the next.
            state.withLock { $0.busy.formUnion(news.map(\.bucket)) }
            throw error
        }
        state.withLock { state in
            for (bucket, count) in news {
                state.counts[bucket]?.told(count, total: totals[bucket] ?? count, minute: minute)
            }
        }
    }

    /// Reports counts to the other replicas. A bucket that cannot be reported is counted by this replica
    /// alone, the others by all: a batch that fails is halved until the bucket is found.
    private func add(_ news: [(bucket: String, count: Int)], _ minute: Int) async throws -> [String: Int] {
        do {
            return try await RequestCountStore(database: database).add(news, minute: minute)
        } catch let error as PostgresError where error.isOfData {
            guard news.count > 1 else {
                let round = try await PeriodicRound(.requestLimiter, database, logger)
                try await round.failed("counts of requests", error)
                state.withLock { $0.hasFailed = true }
                return [:]
            }
            let half = news.count / 2
            let first = try await add(Array(news[..<half]), minute)
            return first.merging(try await add(Array(news[half...]), minute)) { $1 }
        }
    }

    private func sweep() async throws {
        let time = now()
        let (isDue, isFull) = state.withLock { state in
            guard time - state.sweptAt >= Self.sweepSeconds else { return (false, false) }
            state.sweptAt = time
            state.counts = state.counts.filter { !$0.value.isOver(at: time) }
            defer { state.isFull = false }
            return (true, state.isFull)
        }
        guard isDue else { return }
        if isFull {
            logger.warning(
                "requests of new addresses are not counted", metadata: ["buckets": "\(Self.maximumBuckets)"])
        }
        let round = try await PeriodicRound(.requestLimiter, database, logger)
        try await round.attempt("minutes that are over") {
            try await RequestCountStore(database: database).forget(before: SlidingCount.minute(of: time) -| 1)
        }
        try await round.attempt("signups that are over") { try await SignupLimits.forget(database) }
        let hasFailed = state.withLock { state in
            defer { state.hasFailed = false }
            return state.hasFailed
        }
        if !hasFailed { try await round.attempt("counts of requests") {} }
    }
}
