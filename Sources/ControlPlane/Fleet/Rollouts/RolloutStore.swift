import AdminProtocol
import FoundationEssentials
import Organisations
import Postgres

/// The rows of `rollouts` and `rollout_events`. Whoever changes anything of a rollout locks its row first, so
/// that changes take turns and events have an order.
package struct RolloutStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package func insert(_ rollout: Rollout) async throws {
        try await database.execute(
            """
            INSERT INTO rollouts (id, service, target_tag, image, digest, channel, settings, state, waves)
            VALUES (\(rollout.id), \(rollout.service.rawValue), \(rollout.targetTag), \(rollout.image),
                \(rollout.digest), \(rollout.channel), \(JSON(rollout.settings)),
                \(rollout.state.rawValue), \(rollout.waves))
            """)
    }

    package func find(_ id: UUID) async throws -> Rollout? {
        try await database.query("SELECT \(Rollout.columns) FROM rollouts WHERE id = \(id)").first
            .map(Rollout.init)
    }

    /// Until the transaction ends.
    /// - Throws: `rollout_not_found` (404).
    package func lock(_ id: UUID) async throws -> Rollout {
        let rows = try await database.query(
            "SELECT \(Rollout.columns) FROM rollouts WHERE id = \(id) FOR NO KEY UPDATE")
        guard let row = rows.first else { throw AppError.rolloutNotFound }
        return try Rollout(row)
    }

    /// Newest first.
    package func list(limit: Int) async throws -> [Rollout] {
        try await database.query(
            "SELECT \(Rollout.columns) FROM rollouts ORDER BY created_at DESC, id LIMIT \(limit)"
        ).map(Rollout.init)
    }

    /// The rollout that put this image in place and was rolled back, within the last day.
    package func rolledBack(digest: String, except id: UUID? = nil) async throws -> UUID? {
        let rows = try await database.query(
            """
            SELECT id FROM rollouts WHERE digest = \(digest) AND state = 'rolled_back'
                AND finished_at > now() - interval '1 day' AND id IS DISTINCT FROM \(id)
            ORDER BY finished_at DESC LIMIT 1
            """)
        return try rows.first?["id", as: UUID.self]
    }

    // MARK: Where it is

    package func enter(_ id: UUID, _ stage: Rollout.Stage, wave: Int, soakSeconds: Int? = nil) async throws {
        try await database.execute(
            """
            UPDATE rollouts SET stage = \(stage.rawValue), wave = \(wave),
                soak_until = now() + make_interval(secs => \(soakSeconds.map(Double.init)))
            WHERE id = \(id)
            """)
        try await note(id, stage.rawValue, wave: wave)
    }

    /// Also in the audit log: whoever orders a change, and a rollout that ends by itself.
    package func set(
        _ id: UUID, _ state: Rollout.State, code: String? = nil, reason: String? = nil,
        by origin: RequestOrigin
    ) async throws {
        let rows = try await database.query(
            """
            UPDATE rollouts SET state = \(state.rawValue), reason_code = \(code), reason = \(reason),
                stage = CASE WHEN \(state.isFinal) THEN 'ended'
                    WHEN \(state == .rollingBack) THEN 'rolling_back' ELSE stage END,
                finished_at = CASE WHEN \(state.isFinal) THEN clock_timestamp() END
            FROM (SELECT state FROM rollouts WHERE id = \(id)) earlier WHERE id = \(id)
            RETURNING earlier.state AS earlier
            """)
        try await note(id, state.rawValue, detail: reason)
        try await AuditLog(database: database).record(
            AuditEvent(
                action: "rollout.\(state.rawValue)", subject: id.text,
                before: ["state": .text(try rows.first?["earlier", as: String.self])],
                after: ["state": .string(state.rawValue), "code": .text(code)]),
            by: origin)
    }

    /// A soak goes on for as long as it had left when the rollout was paused.
    package func resume(_ id: UUID, by origin: RequestOrigin) async throws {
        try await database.execute(
            """
            UPDATE rollouts SET soak_until = soak_until + (now() - (
                SELECT max(at) FROM rollout_events
                WHERE rollout_id = \(id) AND event = \(Rollout.State.paused.rawValue)))
            WHERE id = \(id) AND stage = \(Rollout.Stage.soaking.rawValue)
            """)
        try await set(id, .running, by: origin)
    }

    package func requestAbort(_ id: UUID) async throws {
        try await database.execute("UPDATE rollouts SET abort_requested = true WHERE id = \(id)")
        try await note(id, "abort_requested")
    }

    package func requestRollback(_ id: UUID) async throws {
        try await database.execute("UPDATE rollouts SET rollback_requested = true WHERE id = \(id)")
        try await note(id, "rollback_requested")
    }

    package func promote(_ id: UUID, wave: Int) async throws {
        try await database.execute("UPDATE rollouts SET promoted_wave = \(wave) WHERE id = \(id)")
        try await note(id, "promoted", wave: wave)
    }

    // MARK: Events

    /// Call it only while the rollout's row is locked or new: then the sequence is the order of the commits.
    package func note(
        _ id: UUID, _ event: String, wave: Int? = nil, slug: String? = nil, detail: String? = nil
    ) async throws {
        try await database.execute(
            """
            INSERT INTO rollout_events (rollout_id, event, wave, slug, detail)
            VALUES (\(id), \(event), \(wave), \(slug), \(detail))
            """)
    }

    package func events(_ id: UUID, after sequence: Int, limit: Int) async throws -> [RolloutEvent] {
        try await database.query(
            """
            SELECT sequence, at, event, wave, slug, detail FROM rollout_events
            WHERE rollout_id = \(id) AND sequence > \(sequence) ORDER BY sequence LIMIT \(limit)
            """
        ).map(RolloutEvent.init)
    }
}

/// Something that happened in a rollout.
package struct RolloutEvent: Sendable, Encodable {
    package var sequence: Int
    package var at: Date
    /// A stage, a state, a tenant's outcome, or what a person asked for.
    package var event: String
    package var wave: Int?
    package var slug: String?
    package var detail: String?

    package init(_ row: Row) throws {
        sequence = try row["sequence", as: Int.self]
        at = try row["at", as: Date.self]
        event = try row["event", as: String.self]
        wave = try row["wave", as: Int?.self]
        slug = try row["slug", as: String?.self]
        detail = try row["detail", as: String?.self]
    }
}

extension AppError {
    package static let rolloutNotFound = AppError(.notFound, "rollout_not_found", "There is no such rollout.")
}
