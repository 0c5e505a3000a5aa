import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// Sums against rows, and the months of the rows.
@Suite struct UsageCheckTests {
    private static func months(_ answer: TestService.Answer) throws -> [[String: JSONValue]] {
        let months = try #require(answer.json["months"]?.array)
        return months.compactMap { $0.object }
    }

    @Test func aDamagedSumIsFoundNamedAndMadeAnew() async throws {
        try await UsageTenant.run { tenant in
            let service = tenant.service
            for _ in 0..<3 { _ = try await tenant.send((0..<20).map { _ in tenant.event() }) }
            let month = String(Date.now.formatted(.iso8601).prefix(7))
            let path = "/cp/admin/usage/check?month=\(month)"
            let sound = try Self.months(try await service.send("GET", path))
            #expect(sound.first?["differences"] == .number(0) && sound.first?["events"] == .number(60))
            #expect(sound.first?["has_raw_rows"] == .bool(true))

            let before = try await tenant.sum("usage_hours")
            try await service.platform.database.execute("UPDATE usage_hours SET input_tokens = 0")
            try await service.platform.database.execute("DELETE FROM usage_days")
            let damaged = try Self.months(try await service.send("GET", path))
            let named = (damaged.first?["named"]?.array ?? []).compactMap { $0.object }
            let tables = Set(named.compactMap { $0["table"]?.string })
            #expect(tables == ["hours", "days"])
            let isNamed = named.contains { $0["events"] == .number(0) && $0["events_expected"] != .number(0) }
            #expect(isNamed)

            let rebuilt = try Self.months(
                try await service.send(
                    "POST", "/cp/admin/usage/rebuild", body: #"{"month":"\#(month)"}"#))
            #expect(rebuilt.first?["rebuilt"] == .bool(true))
            #expect(try await tenant.sum("usage_hours") == before)
            #expect(try await tenant.sum("usage_days") == before)
            let after = try Self.months(try await service.send("GET", "/cp/admin/usage/check"))
            let isSound = after.allSatisfy { $0["differences"] == .number(0) }
            #expect(isSound && !after.isEmpty)
            #expect(try await service.count("audit.entries WHERE action = 'usage.rebuilt'") == 1)
            let wrong = try await service.send("GET", "/cp/admin/usage/check?month=2026-1")
            #expect(wrong.status == 400 && wrong.code == "invalid_month")
        }
    }

    // MARK: Months

    private static func keeper(_ database: PostgresPool, retention: Int) -> UsageKeeper {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return UsageKeeper(database: database, retention: retention, logger: logger)
    }

    /// One event of a long time ago, as if it had counted then.
    private static func count(_ day: String, of org: UUID, in database: PostgresPool) async throws {
        try await database.execute(
            "INSERT INTO usage_orgs (org_id) VALUES (\(org)) ON CONFLICT DO NOTHING")
        try await database.execute(
            "INSERT INTO usage_models (provider, model) VALUES ('p', 'm') ON CONFLICT DO NOTHING")
        try await database.execute("SELECT usage_make_month(\(day)::date)")
        let row: SQL = "gen_random_uuid() AS id, gen_random_uuid() AS workspace"
        try await database.execute(
            """
            WITH e AS (SELECT \(row)), raw AS (
                INSERT INTO usage_events SELECT \(day)::timestamptz, 1, e.id, e.workspace, o.key, m.key,
                    1, 0, 0, 0
                FROM e, usage_orgs o, usage_models m WHERE o.org_id = \(org)
            ), hours AS (
                INSERT INTO usage_hours SELECT \(org), \(day)::timestamptz, e.workspace, 'p', 'm',
                    1, 1, 0, 0, 0, 1
                FROM e
            )
            INSERT INTO usage_days SELECT \(org), \(day)::date, e.workspace, 'p', 'm', 1, 1, 0, 0, 0, 1 FROM e
            """)
    }

    @Test func monthsAreMadeAheadAndDroppedOnlyWhenTheirSumsHoldThem() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            let org = UUID()
            _ = try await OrgStore(database: pool).insert(
                id: org, slug: try Slug("acme"), name: "A", ownerUserID: "u")
            let keeper = Self.keeper(pool, retention: 13)
            try await Self.count("2020-01-31", of: org, in: pool)
            try await Self.count("2020-02-01", of: org, in: pool)
            try await pool.execute("UPDATE usage_hours SET events = 2 WHERE hour < '2020-02-01'")
            let dropped = try await keeper.keep(now: .now)
            #expect(dropped.map(\.text) == ["2020-02"], "the sums of January differ")
            let months = try await UsageMonths(database: pool).list().map(\.text)
            let today = String(Date.now.formatted(.iso8601).prefix(7))
            let next = Month(today)?.next.text
            #expect(months.first == "2020-01" && months.contains(today) && months.contains(next ?? ""))
            #expect(try await pool.query("SELECT FROM usage_hours").count == 2, "sums stay")
            let check = UsageCheck(database: pool)
            let gone = try await check.report(Month(year: 2_020, number: 2))
            #expect(!gone.hasRawRows && gone.differences == 0)
            _ = try await check.report(Month(year: 2_020, number: 1), rebuild: true)
            #expect(try await keeper.keep(now: .now).map(\.text) == ["2020-01"])
            #expect(try await keeper.keep(now: .now).isEmpty)
            let entries = try await pool.query(
                "SELECT FROM audit.entries WHERE action = 'usage.month_dropped'")
            #expect(entries.count == 2)
        }
    }

    /// Whoever asks: the function itself refuses a month of late.
    @Test func aYoungMonthCannotBeDropped() async throws {
        try await withTestDatabase { database in
            _ = try await Self.keeper(database.pool, retention: 3).keep(now: .now)
            let error = await #expect(throws: PostgresError.self) {
                try await database.pool.execute("SELECT usage_drop_month(now()::date)")
            }
            #expect(error?.sqlState == "42501")
        }
    }

    @Test(arguments: [("2026-12", "2027-01"), ("2026-01", "2026-02")])
    func aMonthFollowsAnother(_ month: String, _ next: String) {
        #expect(Month(month)?.next.text == next)
    }
}
