import FoundationEssentials
import Postgres

/// The rows of `workspace_events`.
package struct WorkspaceEventStore: Sendable {
    /// Figures of fewer organisations are not told: they would point at one.
    package static let minimumOrganisations = 5

    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// The same id again changes nothing. What a wrong clock has dated is kept at the time it came.
    package func insert(_ events: [ClosedWorkspaceEvent], org: UUID) async throws {
        try await database.execute(
            """
            INSERT INTO workspace_events (org_id, id, workspace_id, kind, occurred_at)
            SELECT \(org), e.id, e.workspace_id, e.kind,
                CASE WHEN t.at BETWEEN now() - interval '35 days' AND now() + interval '5 minutes'
                    THEN t.at ELSE now() END
            FROM unnest(\(events.map(\.id)), \(events.map(\.workspaceID)), \(events.map(\.kind.rawValue)),
                \(events.map(\.occurredAt))) AS e (id, workspace_id, kind, microseconds),
                LATERAL (SELECT timestamptz 'epoch' + e.microseconds * interval '1 microsecond' AS at) t
            ON CONFLICT DO NOTHING
            """)
    }

    /// What happened on a day (UTC), over all organisations.
    package struct Figure: Encodable, Sendable {
        package var day: String
        package var kind: String
        package var events: Int
        package var workspaces: Int
        package var organisations: Int

        package init(day: String, kind: String, events: Int, workspaces: Int, organisations: Int) {
            self.day = day
            self.kind = kind
            self.events = events
            self.workspaces = workspaces
            self.organisations = organisations
        }
    }

    package func figures(days: Int) async throws -> [Figure] {
        try await database.query(
            """
            SELECT (occurred_at AT TIME ZONE 'UTC')::date::text AS day, kind, count(*) AS events,
                count(DISTINCT (org_id, workspace_id)) AS workspaces,
                count(DISTINCT org_id) AS organisations
            FROM workspace_events WHERE occurred_at >= now() - make_interval(days => \(days)::int)
            GROUP BY 1, 2 ORDER BY 1, 2
            """
        ).map { row in
            Figure(
                day: try row["day"], kind: try row["kind"], events: try row["events"],
                workspaces: try row["workspaces"], organisations: try row["organisations"])
        }
    }
}
