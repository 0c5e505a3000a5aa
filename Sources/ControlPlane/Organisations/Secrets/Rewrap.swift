import AdminProtocol
import Digests
import FoundationEssentials
import Postgres
import Providers

/// Seals every stored secret again under the configured key.
///
/// Goes through the rows in order and writes down how far it came with each batch, so that a run that was cut
/// off goes on there. A row that changes meanwhile is left to whoever changed it: the service seals under
/// the configured key. Safe beside the running service, and beside another run.
package struct Rewrap: Sendable {
    /// Rows that are read at once, and after which progress is written.
    package static let batch = 100

    package let database: PostgresPool
    package let secrets: SecretBox

    package init(database: PostgresPool, secrets: SecretBox) {
        self.database = database
        self.secrets = secrets
    }

    package struct Tally: Sendable, Equatable {
        /// Sealed values that were looked at in this run.
        package var seen = 0
        /// Under another key; sealed again unless it was a dry run.
        package var rewrapped = 0
        /// Changed by somebody else between reading and writing.
        package var overtaken = 0
        /// Organisations whose secrets no configured key opens.
        package var unreadable: [UUID] = []

        package init(seen: Int = 0, rewrapped: Int = 0, overtaken: Int = 0, unreadable: [UUID] = []) {
            self.seen = seen
            self.rewrapped = rewrapped
            self.overtaken = overtaken
            self.unreadable = unreadable
        }
    }

    /// The columns of `tenants` that hold something sealed.
    enum Column: String, CaseIterable {
        case secrets = "secrets_sealed"
        /// Of the admin token that is to follow.
        case nextSecrets = "next_secrets_sealed"
    }

    private struct Sealed {
        var org: UUID
        var column: Column
        var bytes: [UInt8]
    }

    /// - Parameters:
    ///   - isDryRun: counts what would be sealed again, from the first row on, and writes nothing.
    ///   - progress: told after each batch.
    package func run(isDryRun: Bool, progress: (Tally) -> Void = { _ in }) async throws -> Tally {
        let keyID = try await secrets.currentKeyID()
        var after = isDryRun ? nil : try await begin(keyID)
        var tally = Tally()
        while true {
            let rows = try await next(after: after)
            guard let last = rows.last else { break }
            let before = tally.rewrapped
            for row in rows { try await rewrap(row, under: keyID, isDryRun, &tally) }
            after = last.org
            if !isDryRun { try await record(keyID, after: last.org, tally.rewrapped - before) }
            progress(tally)
        }
        // What could not be read stays a reason to come again, from the first row on.
        if !isDryRun { try await finish(keyID) }
        return tally
    }

    private func rewrap(
        _ row: Sealed, under keyID: String, _ isDryRun: Bool, _ tally: inout Tally
    ) async throws {
        tally.seen += 1
        let opened: SecretBox.Opened
        do {
            opened = try await secrets.opened(row.bytes)
        } catch let error where Self.isUnreadable(error) {
            tally.unreadable.append(row.org)
            return
        }
        guard opened.keyID != keyID else { return }
        guard !isDryRun else { return tally.rewrapped += 1 }
        let sealed = try await secrets.seal(opened.plaintext)
        let written = try await database.execute(
            """
            UPDATE tenants SET \(identifier: row.column.rawValue) = \(sealed)
            WHERE org_id = \(row.org) AND \(identifier: row.column.rawValue) = \(row.bytes)
            """)
        if written == 1 { tally.rewrapped += 1 } else { tally.overtaken += 1 }
    }

    /// Of this row. A provider that is away ends the run instead: it goes on later where it stopped.
    private static func isUnreadable(_ error: any Error) -> Bool {
        guard let error = error as? ProviderError else { return error is AppError || error is AESGCM.Failure }
        return !error.isRetryable
    }

    // MARK: Rows

    private func next(after org: UUID?) async throws -> [Sealed] {
        let rows = try await database.query(
            """
            SELECT org_id, secrets_sealed, next_secrets_sealed FROM tenants
            WHERE (secrets_sealed IS NOT NULL OR next_secrets_sealed IS NOT NULL)
                AND (\(org)::uuid IS NULL OR org_id > \(org)::uuid)
            ORDER BY org_id LIMIT \(Self.batch)
            """)
        return try rows.flatMap { row in
            try Column.allCases.compactMap { column in
                guard let bytes = try row[column.rawValue, as: [UInt8]?.self] else { return nil }
                return Sealed(org: try row["org_id", as: UUID.self], column: column, bytes: bytes)
            }
        }
    }

    /// - Returns: the organisation after which an earlier run stopped. One that finished is begun anew.
    private func begin(_ keyID: String) async throws -> UUID? {
        let rows = try await database.query(
            """
            INSERT INTO secret_rewraps AS known (key_id) VALUES (\(keyID))
            ON CONFLICT (key_id) DO UPDATE SET
                after_org = CASE WHEN known.finished_at IS NULL THEN known.after_org END,
                started_at = CASE WHEN known.finished_at IS NULL THEN known.started_at ELSE now() END,
                rewrapped = CASE WHEN known.finished_at IS NULL THEN known.rewrapped ELSE 0 END,
                finished_at = NULL, updated_at = now()
            RETURNING after_org
            """)
        return try rows[0]["after_org", as: UUID?.self]
    }

    private func record(_ keyID: String, after org: UUID, _ more: Int) async throws {
        try await database.execute(
            """
            UPDATE secret_rewraps SET after_org = \(org), rewrapped = rewrapped + \(more), updated_at = now()
            WHERE key_id = \(keyID)
            """)
    }

    private func finish(_ keyID: String) async throws {
        try await database.execute(
            "UPDATE secret_rewraps SET finished_at = now(), updated_at = now() WHERE key_id = \(keyID)")
    }
}
