import AdminProtocol
import AuditChain
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

/// Single rows that cannot be read or written, in the runs that go through everybody's.
@Suite struct PoisonedRowTests {
    private static var logger: Logger {
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        return logger
    }

    private static func failing(_ pool: PostgresPool, _ run: PeriodicRun) async throws -> [String] {
        try await PeriodicFailureStore(database: pool).list(run, limit: 100).map(\.subject)
    }

    // MARK: The audit log

    /// Numbers that no entry of the service has are sealed as texts; what cannot be read at all is passed
    /// over, and sealed as soon as it can be.
    @Test func theChainGoesOnPastAnEntryThatCannotBeRead() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            let deep = String(repeating: "[", count: 600) + String(repeating: "]", count: 600)
            let afters = [
                "{}", #"{"n":1.5}"#, #"{"n":1e300}"#, #"{"n":123456789012345678901234567890}"#, deep, "{}",
            ]
            for after in afters {
                try await pool.execute(
                    """
                    INSERT INTO audit.entries (action, subject, actor_kind, actor_name, after)
                    VALUES ('a.b', 's', 'operator', 'o', \(after)::jsonb)
                    """)
            }
            try await pool.execute(
                """
                INSERT INTO audit.entries (at, action, subject, actor_kind, actor_name)
                VALUES ('infinity', 'a.b', 's', 'operator', 'o')
                """)
            let sealer = AuditSealer(database: pool, logger: Self.logger)
            #expect(try await sealer.sealAll() == 6)
            #expect(try await Self.failing(pool, .auditSealer) == ["entry 5"])
            #expect(try await sealer.sealAll() == 0)
            let reading = AuditReading(database: pool)
            var verifier = ChainVerifier(expecting: nil, now: Date.now.wholeSeconds)
            for line in try await reading.links(after: 0, through: 6, limit: 100) {
                verifier.check(try JSONDecoder().decode(ChainLine.self, from: Data(line.text.utf8)))
            }
            verifier.finish()
            #expect(verifier.findings.isEmpty)

            try await pool.execute("ALTER TABLE audit.entries DISABLE TRIGGER ALL")
            try await pool.execute("UPDATE audit.entries SET after = '{}' WHERE id = 5")
            #expect(try await sealer.sealAll() == 1)
            #expect(try await Self.failing(pool, .auditSealer).isEmpty)
        }
    }

    // MARK: Rate limits

    @Test func aCountThatCannotBeSharedKeepsNoOtherFromIt() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            try await pool.execute(
                "INSERT INTO request_counts (bucket, minute, count) VALUES ('m', 100, 9223372036854775807)")
            let limiters = (0..<2).map { _ in
                RequestLimiter(database: pool, logger: Self.logger) { 6_000 }
            }
            for limiter in limiters {
                for bucket in ["a", "m", "z"] { for _ in 0..<2 { try limiter.admit(bucket, limit: 5) } }
                try await limiter.exchange()
            }
            let counts = try await pool.query("SELECT bucket, count FROM request_counts ORDER BY bucket")
            #expect(try counts.map { try $0["bucket", as: String.self] } == ["a", "m", "z"])
            #expect(try counts.map { try $0["count", as: Int.self] } == [4, .max, 4])
            #expect(try await Self.failing(pool, .requestLimiter) == ["counts of requests"])
            // Four of the others' by both together, of this one two by itself.
            for bucket in ["a", "z"] {
                try limiters[1].admit(bucket, limit: 5)
                #expect(throws: AppError.self) { try limiters[1].admit(bucket, limit: 5) }
            }
            for _ in 0..<3 { try limiters[1].admit("m", limit: 5) }
            #expect(throws: AppError.self) { try limiters[1].admit("m", limit: 5) }
        }
    }

    // MARK: The reconciler

    @Test func aTenantWhoseRowCannotBeReadIsLeftAlone() async throws {
        try await TestService.run { service in
            let database = service.platform.database
            let (sick, _) = try await service.launchedOrg(slug: "sick", instanceID: "i-sick")
            let (well, _) = try await service.launchedOrg(slug: "well", instanceID: "i-well")
            try await database.execute("UPDATE orgs SET status = 'running'")
            try await database.execute(
                """
                UPDATE tenants SET launch = '{"hostname":5}', provisioning_at = now() - interval '1 day'
                WHERE org_id = \(sick.id)
                """)
            try await database.execute(
                """
                UPDATE tenants SET launch = NULL, provisioning_at = now() - interval '1 day'
                WHERE org_id = \(well.id)
                """)
            let rows = try await PlatformReading(fleet: service.platform.fleet).read()
            #expect(rows.unreadable.map(\.orgID) == [sick.id])
            #expect(rows.tenants.first { $0.orgID == sick.id }?.isBusy == true)
            #expect(rows.tenants.first { $0.orgID == well.id }?.isBusy == false)
            // Neither is its instance an orphan, nor is it missed; the other's is.
            let orphan = CloudResource(
                kind: .instance, id: "i-other", name: "i-other", place: "r", orgID: sick.id, ageSeconds: 900)
            let found = Comparison(settledSeconds: 10, region: "r").findings([orphan], rows)
            #expect(found.map(\.orgID) == [well.id] && found.map(\.code) == [.gone])
        }
    }

    @Test func aFindingThatCannotBeWrittenKeepsNoOther() async throws {
        try await withTestDatabase { database in
            let pool = database.pool
            func finding(_ resource: String) -> Finding {
                Finding(
                    code: .orphan, kind: .tunnel, resource: resource, place: "p", name: "n", detail: "d")
            }
            // Too long for an index, and nothing that can be compressed.
            let long = (0..<300).map { _ in UUID().text }.joined()
            let plan = Plan(
                [finding("a"), finding(long), finding("b\0"), finding("c")], history: [:], seen: 4, rows: 4,
                now: .now, policy: .init(graceSeconds: 1, sharePercent: 100, floor: 100))
            let store = ReconcilerStore(database: pool)
            let run = UUID()
            try await store.begin(run, mode: .report)
            let unwritten = try await pool.transaction { transaction in
                try await ReconcilerStore(database: transaction)
                    .record(plan, seen: 4, run: run, in: transaction)
            }
            #expect(unwritten.map(\.item.finding.resource) == [long, "b\0"])
            let open = try await store.open([.orphan]).map(\.resource)
            #expect(Set(open) == ["a", "c"])
            #expect(try await store.run(run).orphans == 4)
        }
    }
}
