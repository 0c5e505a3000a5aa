import Digests
import FoundationEssentials
import Postgres
import TenantProtocol
import WireText

/// A boot event with the credential that it came with.
package struct PresentedBootEvent: Sendable {
    package var orgID: UUID
    package var token: TokenHash
    package var event: BootEvent

    package init(orgID: UUID, token: TokenHash, event: BootEvent) {
        self.orgID = orgID
        self.token = token
        self.event = event
    }
}

/// The rows of `boot_events`.
struct BootEventStore: Sendable {
    let database: any PostgresExecutor

    /// Checks each event's credential and stores those that are allowed, in one statement.
    ///
    /// The boot token and the admin token of the organisation both may report. The same sequence number twice
    /// changes nothing.
    /// - Returns: for each event, in order, whether its credential was right.
    func insert(_ presented: [PresentedBootEvent]) async throws -> [Bool] {
        let rows = try await database.query(
            """
            WITH presented AS (
                SELECT * FROM unnest(
                    \(presented.map(\.orgID)), \(presented.map(\.token.bytes.hex)),
                    \(presented.map(\.event.sequence)), \(presented.map(\.event.stage.rawValue)),
                    \(presented.map(\.event.outcome.rawValue)),
                    \(presented.map { $0.event.durationMilliseconds ?? -1 }),
                    \(presented.map { $0.event.code?.rawValue ?? "" }),
                    \(presented.map { $0.event.exitCode ?? -1 })
                ) WITH ORDINALITY AS p (org_id, token, sequence, stage, outcome, duration_ms, code,
                    exit_code, position)
            ), allowed AS (
                SELECT p.*, t.launch_id FROM presented p JOIN tenants t ON t.org_id = p.org_id
                    AND decode(p.token, 'hex') IN
                        (t.boot_token_hash, t.admin_token_hash, t.next_token_hash)
            ), stored AS (
                INSERT INTO boot_events (launch_id, sequence, stage, outcome, duration_ms, code, exit_code)
                SELECT launch_id, sequence, stage, outcome, nullif(duration_ms, -1), nullif(code, ''),
                    nullif(exit_code, -1)
                FROM allowed ON CONFLICT DO NOTHING
            )
            SELECT position::int AS position FROM allowed
            """)
        let allowed = Set(try rows.map { try $0["position", as: Int.self] })
        return presented.indices.map { allowed.contains($0 + 1) }
    }

    /// The latest report of each stage.
    func progress(of tenant: Tenant) async throws -> BootProgress {
        let rows = try await database.query(
            """
            SELECT DISTINCT ON (stage) stage, outcome, duration_ms, code, received_at FROM boot_events
            WHERE launch_id = \(tenant.launchID) ORDER BY stage, sequence DESC
            """)
        return BootProgress(stages: try rows.map { try Self.stage($0, since: tenant.provisioningAt) })
    }

    /// How far a launch has come, in one statement.
    struct Boot: Sendable {
        var isConfirmed: Bool
        var progress: BootProgress
    }

    /// - Returns: nil without a tenant.
    func boot(org: UUID) async throws -> Boot? {
        let rows = try await database.query(
            """
            SELECT t.confirmed_at IS NOT NULL AS is_confirmed, t.provisioning_at, latest.*
            FROM tenants t LEFT JOIN LATERAL (
                SELECT DISTINCT ON (stage) stage, outcome, duration_ms, code, received_at
                FROM boot_events WHERE launch_id = t.launch_id ORDER BY stage, sequence DESC
            ) latest ON true
            WHERE t.org_id = \(org)
            """)
        guard let first = rows.first else { return nil }
        let since = try first["provisioning_at", as: Date.self]
        let stages = try rows.filter { try $0["stage", as: String?.self] != nil }
        return Boot(
            isConfirmed: try first["is_confirmed"],
            progress: BootProgress(stages: try stages.map { try Self.stage($0, since: since) }))
    }

    private static func stage(_ row: Row, since start: Date) throws -> BootProgress.Stage {
        let at = try row["received_at", as: Date.self]
        return BootProgress.Stage(
            stage: try row.decode("stage", as: BootStage.self),
            outcome: try row.decode("outcome", as: StageOutcome.self), at: at,
            elapsedMilliseconds: Int(at.timeIntervalSince(start) * 1_000),
            durationMilliseconds: try row["duration_ms", as: Int?.self],
            code: try row["code", as: String?.self].flatMap(FailureCode.init))
    }
}
