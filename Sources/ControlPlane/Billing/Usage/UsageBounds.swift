import Arithmetic
import FoundationEssentials
import Postgres

/// Tokens of all four kinds, and what they cost in millicredits. Both are 0 or more.
package struct UsageAmount: Sendable, Equatable {
    var tokens = 0
    var millicredits = 0

    /// Of all events of a batch; the events beyond go into quarantine (`batch_limit`). A hundred times what a
    /// batch of the longest answers is.
    package static let ofBatch = UsageAmount(tokens: 100_000_000_000, millicredits: 100_000_000_000_000)

    /// Of one organisation and one day in UTC; the events beyond go into quarantine (`day_limit`). At the
    /// limit every day, 25 years fit an `Int`. The constraint `usage_org_days_limit` holds the same numbers.
    package static let ofDay = UsageAmount(tokens: 1_000_000_000_000, millicredits: 1_000_000_000_000_000)

    /// For a person, in tokens and credits.
    package var meaning: String { "more than \(tokens) tokens or \(millicredits / 1_000) credits" }

    init(tokens: Int = 0, millicredits: Int = 0) {
        self.tokens = tokens
        self.millicredits = millicredits
    }

    init(_ event: CountedEvent) {
        self.init(tokens: event.tokens.all.saturatedSum, millicredits: event.millicredits)
    }

    /// Whether so much more stays within the limit; if it does, it is added.
    mutating func add(_ more: UsageAmount, within limit: UsageAmount) -> Bool {
        let sum = UsageAmount(tokens: tokens +| more.tokens, millicredits: millicredits +| more.millicredits)
        guard sum.tokens <= limit.tokens, sum.millicredits <= limit.millicredits else { return false }
        self = sum
        return true
    }
}

/// What has counted of an organisation's days, filled up with events as they come.
struct UsageDays: Sendable {
    /// Until when a day's row is kept: no event of it can be released any more.
    static let keptDays = 100

    /// By days since 1970.
    private var amounts: [Int: UsageAmount] = [:]
    /// Those of the events that have counted already, and need no room.
    private var known = Set<UUID>()

    /// Of the days that the events are of.
    init(of events: [CountedEvent], org: UUID, _ database: any PostgresExecutor) async throws {
        let days = Set(events.map(\.day)).sorted()
        let rows = try await database.query(
            """
            SELECT d.day - date '1970-01-01' AS day, d.tokens, d.millicredits
            FROM usage_org_days d JOIN usage_orgs u ON u.key = d.org
            JOIN unnest(\(days)) AS w (day) ON d.day = date '1970-01-01' + w.day::integer
            WHERE u.org_id = \(org)
            """)
        for row in rows {
            amounts[try row["day"]] = UsageAmount(
                tokens: try row["tokens"], millicredits: try row["millicredits"])
        }
        let ids = try await database.query(
            """
            SELECT i.id FROM usage_event_ids i JOIN usage_orgs u ON u.key = i.org
            WHERE u.org_id = \(org) AND i.id = ANY (\(events.map(\.id)))
            """)
        known = Set(try ids.map { try $0["id", as: UUID.self] })
    }

    /// Whether the event still fits its day; if it does, it takes its room.
    mutating func admit(_ event: CountedEvent) -> Bool {
        known.contains(event.id)
            || amounts[event.day, default: UsageAmount()].add(UsageAmount(event), within: .ofDay)
    }

    /// Why an event did not fit, for a person.
    static func detail(_ event: CountedEvent) -> String {
        let date = Date(unixSeconds: event.day *| 86_400).formatted(.iso8601).prefix(10)
        return "\(UsageAmount.ofDay.meaning) of \(date) would have counted with it"
    }

    /// Deletes the days that nothing can be of any more.
    static func deleteOld(_ database: any PostgresExecutor, now: Date) async throws {
        let first = now.wholeSeconds / 86_400 - keptDays
        try await database.execute(
            "DELETE FROM usage_org_days WHERE day < date '1970-01-01' + \(first)::integer")
    }
}

extension CountedEvent {
    /// Days since 1970 in UTC. What counts is of this century.
    var day: Int { occurredAt / 86_400_000_000 }
}
