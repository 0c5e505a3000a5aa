import FoundationEssentials
import Postgres

/// The events that were set aside.
package struct SetAsideStore: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// `aside`, a part of the ingesting statement: what is new of a batch's events that do not count. One
    /// that has counted already, and comes again too late, is a duplicate.
    static func inserted(_ usage: JudgedUsage) -> SQL {
        let events = usage.setAside
        return """
            aside AS (
                INSERT INTO usage_set_aside (org_id, event_id, reason, detail, event, epoch, place)
                SELECT \(usage.org), e.id, e.reason, e.detail, e.event, \(usage.sent.epoch),
                    e.place + \(usage.sent.sequence)
                FROM own, unnest(\(events.map(\.id)), \(events.map(\.reason.rawValue)),
                    \(events.map(\.detail)), \(events.map { JSON($0.event) }), \(events.map(\.offset))
                ) AS e (id, reason, detail, event, place)
                WHERE NOT EXISTS (
                    SELECT FROM usage_event_ids i WHERE i.org = own.key AND i.id = e.id)
                ON CONFLICT DO NOTHING RETURNING 1
            )
            """
    }

    /// Sets aside what came at places that had been received before and is not known.
    /// - Parameter events: all of one batch, judged `placeTaken`.
    /// - Returns: how many are new.
    func insertUnknown(_ usage: JudgedUsage, _ events: [SetAsideEvent]) async throws -> Int {
        try await database.execute(
            """
            INSERT INTO usage_set_aside (org_id, event_id, reason, detail, event, epoch, place)
            SELECT \(usage.org), e.id, e.reason, e.detail, e.event, \(usage.sent.epoch),
                e.place + \(usage.sent.sequence)
            FROM unnest(\(events.map(\.id)), \(events.map(\.reason.rawValue)), \(events.map(\.detail)),
                \(events.map { JSON($0.event) }), \(events.map(\.offset))) AS e (id, reason, detail, event,
                place)
            ON CONFLICT DO NOTHING
            """)
    }

    /// Which of the ids have neither counted nor been set aside.
    package func unknown(_ ids: [UUID], org: UUID) async throws -> Set<UUID> {
        let rows = try await database.query(
            """
            SELECT w.id FROM unnest(\(ids)) AS w (id)
            WHERE NOT EXISTS (
                SELECT FROM usage_event_ids i JOIN usage_orgs o ON o.key = i.org
                WHERE o.org_id = \(org) AND i.id = w.id)
                AND NOT EXISTS (
                    SELECT FROM usage_set_aside a WHERE a.org_id = \(org) AND a.event_id = w.id)
            """)
        return Set(try rows.map { try $0["id", as: UUID.self] })
    }
}
