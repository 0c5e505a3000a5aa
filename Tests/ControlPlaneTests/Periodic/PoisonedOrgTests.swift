import Foundation
import Logging
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// One organisation whose rows fail, or hold what nothing can hold, beside one that is well: the periodic
/// runs do the other's work, and say what fails.
@Suite struct PoisonedOrgTests {
    /// Whatever is written of the organisation in the table fails, as with a row that breaks a constraint.
    private static func poison(_ table: String, _ org: UUID, _ database: PostgresPool) async throws {
        try await database.execute(
            """
            CREATE OR REPLACE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF NEW.org_id = TG_ARGV[0]::uuid THEN
                    RAISE EXCEPTION 'poisoned' USING ERRCODE = 'numeric_value_out_of_range';
                END IF;
                RETURN NEW;
            END $$
            """)
        let trigger: SQL = "CREATE TRIGGER poison BEFORE INSERT OR UPDATE ON \(identifier: table)"
        try await database.execute(
            "\(trigger) FOR EACH ROW EXECUTE FUNCTION poison(\(identifier: org.text))")
    }

    private static func heal(_ table: String, _ database: PostgresPool) async throws {
        try await database.execute("DROP TRIGGER poison ON \(identifier: table)")
    }

    private static func failing(_ service: TestService) async throws -> [PeriodicFailure] {
        try await PeriodicFailureStore(database: service.platform.database).list(nil, limit: 100)
    }

    @Test func theCreditWatchLooksAtTheOthers() async throws {
        try await TestService.run(["CREDIT_WATCH_SECONDS": "3600"]) { service in
            let database = service.platform.database
            let watch = CreditWatch(billing: service.platform.billing)
            var orgs: [UUID] = []
            for slug in ["one", "two", "three"] {
                orgs.append(try await service.org(slug, plan: "starter").id)
            }
            // Neither the first nor the last that is looked at.
            orgs.sort { $0.text < $1.text }
            for org in orgs { try await service.use(org, credits: 6_000_000) }
            try await Self.poison("credit_watch", orgs[1], database)
            func states() async throws -> [String?] {
                let rows = try await database.query("SELECT org_id, state FROM credit_watch")
                return try orgs.map { org in
                    try rows.first { try $0["org_id"] == org }.map { try $0["state", as: String.self] }
                }
            }
            for _ in 0..<2 { try await watch.lookAtChanged() }
            #expect(try await states() == ["exhausted", nil, "exhausted"])
            let failure = try #require(try await Self.failing(service).first)
            #expect(failure.run == "credit_watch" && failure.orgID == orgs[1] && failure.failures >= 2)
            #expect(failure.error.contains("poisoned"))
            try await Self.heal("credit_watch", database)
            try await watch.lookAtChanged()
            #expect(try await states() == ["exhausted", "exhausted", "exhausted"])
            #expect(try await Self.failing(service).isEmpty)
        }
    }

    /// The largest numbers that a row can hold end nothing, in any of the runs.
    @Test func rowsAtTheEndsOfABigintAreWatchedAsAnyOthers() async throws {
        try await TestService.run(["CREDIT_WATCH_SECONDS": "3600"]) { service in
            let (sick, well) = (
                try await service.org("sick", plan: "pro"), try await service.org("well", plan: "pro")
            )
            for model in ["a", "b"] { try await service.use(sick.id, millicredits: .max, model: model) }
            try await service.use(well.id, credits: 60_000_000)
            let month = Month(containing: Date())
            try await service.changeCredits { try await $0.open(sick.id, month) }
            for end in [Int.max, .min] {
                try await service.platform.database.execute(
                    """
                    INSERT INTO credit_grants (org_id, period, key, kind, effective_at, credits)
                    VALUES (\(sick.id), \(month.firstDay), \("k\(end)"), 'adjustment',
                        now(), \(end))
                    """)
            }
            try await CreditWatch(billing: service.platform.billing).lookAtChanged()
            #expect(try await Self.failing(service).isEmpty)
            for slug in ["sick", "well"] {
                let seen = try await service.send("GET", "/cp/admin/orgs/\(slug)/credits")
                #expect(seen.status == 200 && seen.json["state"]?.string == "exhausted", "\(slug)")
            }
        }
    }

    @Test func overageOfTheOthersIsCutSentAndCompared() async throws {
        try await OverageScene.run { scene in
            let (service, database) = (scene.service, scene.service.platform.database)
            let sick = try await service.org("sick", plan: "pro")
            try await BillingStore(database: database).open(org: sick.id)
            _ = try await BillingStore(database: database).recordCustomer(org: sick.id, id: "cus_sick")
            try await service.use(sick.id, credits: OverageScene.grant + 500)
            try await service.changeCredits { try await $0.open(sick.id, scene.month) }
            try await service.use(scene.org.id, credits: 77)
            try await Self.poison("overage_reports", sick.id, database)
            try await scene.settle()
            try await scene.expectBooks(of: 77, "beside one that cannot be cut")
            #expect(try await Self.failing(service).map(\.orgID) == [sick.id])

            // Rows that nobody can read: a month beyond those that there are.
            try await Self.heal("overage_reports", database)
            try await scene.cut()
            #expect(try await Self.failing(service).isEmpty)
            try await database.execute(
                "ALTER TABLE overage_reports DROP CONSTRAINT overage_reports_org_id_period_fkey")
            try await database.execute(
                "UPDATE overage_reports SET period = '9999-12-01' WHERE org_id = \(sick.id)")
            try await service.use(scene.org.id, credits: 3)
            try await scene.settleOne()
            try await scene.expectBooks(of: 80, "beside one that cannot be read")
            let failure = try #require(try await Self.failing(service).first)
            #expect(failure.orgID == sick.id && failure.subject.hasPrefix("sending "))
        }
    }

    @Test func aSubscriptionThatCannotBeReadHidesNoOther() throws {
        let text = """
            {"has_more":true,"data":[{"id":"a","value":1},{"id":"b","value":1e30},{"value":2},
            {"id":"d","value":"x"},{"id":"e","value":-9223372036854775808},5]}
            """
        struct Element: Decodable, Sendable {
            var id: String
            var value: Int
        }
        let page = try JSONDecoder().decode(StripePage<Element>.self, from: Data(text.utf8))
        #expect(page.read.map(\.id) == ["a", "e"])
        #expect(page.unreadable.map(\.id) == ["b", nil, "d", nil])
        #expect(page.lastID == "e" && page.hasMore)
    }

    @Test func aMonthThatCannotBeDroppedKeepsNoOther() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            var logger = Logger(label: "tests")
            logger.logLevel = .critical
            for month in ["2020-01-01", "2020-02-01", "2020-03-01"] {
                try await pool.execute("SELECT usage_make_month(\(month)::date)")
            }
            // Another table stands where its partition would be looked for.
            try await pool.execute("CREATE VIEW holds AS SELECT * FROM usage_events_2020_02")
            let keeper = UsageKeeper(database: pool, retention: 13, logger: logger)
            #expect(try await keeper.keep(now: .now).map(\.text) == ["2020-01", "2020-03"])
            let store = PeriodicFailureStore(database: pool)
            #expect(try await store.list(.usageKeeper, limit: 10).map(\.subject) == ["2020-02"])
            try await pool.execute("DROP VIEW holds")
            #expect(try await keeper.keep(now: .now).map(\.text) == ["2020-02"])
            #expect(try await store.list(.usageKeeper, limit: 10).isEmpty)
        }
    }
}

extension OverageScene {
    /// As `settle`, whatever becomes of others' reports.
    fileprivate func settleOne() async throws {
        for _ in 0..<3 {
            try await cut()
            try await letTimePass()
            try await reporter.sendDue()
            try await letTimePass()
            try await reporter.compareDue()
        }
    }
}
