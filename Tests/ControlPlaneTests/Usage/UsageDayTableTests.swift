import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// The table `usage_org_days`, and what its migration makes of usage that was there before.
@Suite struct UsageDayTableTests {
    private static func org(_ pool: PostgresPool) async throws -> UUID {
        let id = UUID()
        try await pool.execute(
            """
            INSERT INTO orgs (id, slug, name, owner_user_id, status)
            VALUES (\(id), \("o" + id.text.prefix(8)), 'n', 'u', 'running')
            """)
        try await UsageStore(database: pool).addOrg(id)
        return id
    }

    private static func insert(_ amount: UsageAmount, _ day: String, _ pool: PostgresPool) async throws {
        try await pool.execute(
            """
            INSERT INTO usage_org_days (org, day, tokens, millicredits)
            SELECT key, \(day)::date, \(amount.tokens), \(amount.millicredits) FROM usage_orgs
            """)
    }

    /// The same two numbers stand in the schema and in the service.
    @Test func theTableHoldsTheServicesLimits() async throws {
        try await withTestDatabase { database in
            _ = try await Self.org(database.pool)
            let limit = UsageAmount.ofDay
            try await Self.insert(limit, "2026-01-01", database.pool)
            for beyond in [
                UsageAmount(tokens: limit.tokens + 1), UsageAmount(millicredits: limit.millicredits + 1),
                UsageAmount(tokens: -1), UsageAmount(millicredits: -1),
            ] {
                let error = await #expect(throws: PostgresError.self) {
                    try await Self.insert(beyond, "2026-01-02", database.pool)
                }
                #expect(error?.constraint == "usage_org_days_limit")
            }
        }
    }

    @Test func theMigrationTakesUpWhatHasCountedBefore() async throws {
        try await withTestDatabase(migrated: false) { database in
            let folder = FileManager.default.temporaryDirectory.appending(path: "m-\(UUID().text)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let all = URL(filePath: "\(packageRoot)/migrations")
            let before = try FileManager.default.contentsOfDirectory(atPath: all.path)
                .filter { $0 < "0014" }
            for name in before {
                try FileManager.default.copyItem(
                    at: all.appending(path: name), to: folder.appending(path: name))
            }
            let pool = database.pool
            try await Migrator(directory: folder.path).migrate(on: pool)
            let (sound, poisoned) = (try await Self.org(pool), try await Self.org(pool))
            let days: [(org: UUID, ago: Int, model: String, amount: Int)] = [
                (sound, 1, "a", 5), (sound, 1, "b", 7), (sound, 2, "a", 11), (sound, 200, "a", 13),
                (poisoned, 1, "a", .max), (poisoned, 1, "b", .max), (poisoned, 2, "a", .min),
            ]
            for row in days {
                try await pool.execute(
                    """
                    INSERT INTO usage_days VALUES (\(row.org), (now() AT TIME ZONE 'UTC')::date
                        - \(row.ago)::int, gen_random_uuid(), 'p', \(row.model), 1, \(row.amount), 0, 0, 0,
                        \(row.amount))
                    """)
            }
            try await Migrator(directory: all.path).migrate(on: pool)
            let kept = try await pool.query(
                """
                SELECT u.org_id, (now() AT TIME ZONE 'UTC')::date - d.day AS ago, d.tokens, d.millicredits
                FROM usage_org_days d JOIN usage_orgs u ON u.key = d.org
                """)
            func amount(_ org: UUID, _ ago: Int) throws -> UsageAmount? {
                try kept.first { try $0["org_id"] == org && $0["ago"] == ago }.map {
                    UsageAmount(tokens: try $0["tokens"], millicredits: try $0["millicredits"])
                }
            }
            #expect(try amount(sound, 1) == UsageAmount(tokens: 12, millicredits: 12))
            #expect(try amount(sound, 2) == UsageAmount(tokens: 11, millicredits: 11))
            #expect(try amount(sound, 200) == nil, "nothing of it can come any more")
            #expect(try amount(poisoned, 1) == .ofDay, "full")
            #expect(try amount(poisoned, 2) == UsageAmount())
        }
    }
}
