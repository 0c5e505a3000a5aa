import AdminProtocol
import FoundationEssentials
import Postgres

/// What a periodic run could not do.
package struct PeriodicFailure: Encodable, Sendable {
    /// A `PeriodicRun`, or one of a newer version.
    var run: String
    var subject: String
    var orgID: UUID?
    var slug: String?
    /// In a row.
    var failures: Int
    /// Of the last.
    var error: String
    var since: Date
    var lastAt: Date

    enum CodingKeys: String, CodingKey {
        case run, subject, slug, failures, error, since
        case orgID = "org_id"
        case lastAt = "last_at"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(run, forKey: .run)
        try container.encode(subject, forKey: .subject)
        try container.encode(orgID?.text, forKey: .orgID)
        try container.encode(slug, forKey: .slug)
        try container.encode(failures, forKey: .failures)
        try container.encode(error, forKey: .error)
        try container.encode(since, forKey: .since)
        try container.encode(lastAt, forKey: .lastAt)
    }
}

/// The rows of `periodic_failures`.
package struct PeriodicFailureStore: Sendable {
    /// Longest texts that are kept, in characters; what is longer is cut.
    static let maximumSubject = 200
    static let maximumError = 2_000
    /// One that has not failed again for so long is attempted no more: its organisation is gone, for example.
    static let keptDays = 7

    let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    func subjects(of run: PeriodicRun) async throws -> Set<String> {
        let rows = try await database.query(
            "SELECT subject FROM periodic_failures WHERE run = \(run.rawValue)")
        return Set(try rows.map { try $0["subject", as: String.self] })
    }

    /// - Returns: how often it has failed in a row.
    func record(_ run: PeriodicRun, _ subject: String, org: UUID?, _ error: any Error) async throws -> Int {
        let text = Self.cut((error as? AppError)?.message ?? "\(error)", Self.maximumError)
        return try await database.query(
            """
            INSERT INTO periodic_failures AS f (run, subject, org_id, error)
            VALUES (\(run.rawValue), \(Self.stored(subject)), \(org), \(text))
            ON CONFLICT (run, subject) DO UPDATE SET failures = f.failures + 1, org_id = excluded.org_id,
                error = excluded.error, last_at = now()
            RETURNING failures
            """)[0]["failures"]
    }

    func forget(_ run: PeriodicRun, _ subject: String) async throws {
        try await database.execute(
            "DELETE FROM periodic_failures WHERE run = \(run.rawValue) AND subject = \(Self.stored(subject))")
    }

    package func forgetOld() async throws {
        try await database.execute(
            """
            DELETE FROM periodic_failures WHERE last_at < now() - make_interval(days => \(Self.keptDays)::int)
            """)
    }

    /// The latest first.
    /// - Parameter run: nil: of all.
    package func list(_ run: PeriodicRun?, limit: Int) async throws -> [PeriodicFailure] {
        try await database.query(
            """
            SELECT f.*, o.slug FROM periodic_failures f LEFT JOIN orgs o ON o.id = f.org_id
            WHERE \(run?.rawValue)::text IS NULL OR f.run = \(run?.rawValue)
            ORDER BY f.last_at DESC, f.run, f.subject LIMIT \(limit)
            """
        ).map { row in
            PeriodicFailure(
                run: try row["run"], subject: try row["subject"],
                orgID: try row["org_id"], slug: try row["slug"], failures: try row["failures"],
                error: try row["error"], since: try row["since"], lastAt: try row["last_at"])
        }
    }

    func isReachable() async -> Bool { (try? await database.query("SELECT 1 AS one")) != nil }

    /// As the column holds it.
    static func stored(_ subject: String) -> String {
        let text = cut(subject, maximumSubject)
        return text.isEmpty ? "unnamed" : text
    }

    private static func cut(_ text: String, _ length: Int) -> String {
        // PostgreSQL counts code points, and takes no zero.
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\0" }.prefix(length)))
    }
}
