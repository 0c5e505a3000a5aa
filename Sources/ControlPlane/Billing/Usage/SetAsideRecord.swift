import FoundationEssentials
import Postgres

/// An event that was set aside, as operators see it.
package struct SetAsideRecord: Encodable, Sendable {
    package enum State: String, Codable, Sendable, CaseIterable {
        case waiting, released, discarded
    }

    package var id: UUID
    package var orgID: UUID
    package var slug: String?
    package var reason: SetAsideReason
    package var detail: String
    package var event: SetAsideText
    var receivedAt: Date
    package var state: State
    var decidedAt: Date?
    var decidedBy: String?

    enum CodingKeys: String, CodingKey {
        case id, slug, reason, detail, event, state
        case orgID = "org_id"
        case receivedAt = "received_at"
        case decidedAt = "decided_at"
        case decidedBy = "decided_by"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id.text, forKey: .id)
        try container.encode(orgID.text, forKey: .orgID)
        try container.encodeIfPresent(slug, forKey: .slug)
        try container.encode(reason, forKey: .reason)
        try container.encode(detail, forKey: .detail)
        try container.encode(event, forKey: .event)
        try container.encode(receivedAt, forKey: .receivedAt)
        try container.encode(state, forKey: .state)
        try container.encodeIfPresent(decidedAt, forKey: .decidedAt)
        try container.encodeIfPresent(decidedBy, forKey: .decidedBy)
    }
}

/// Which of the events that were set aside are meant.
package struct SetAsideFilter: Sendable {
    package var org: UUID?
    package var reason: SetAsideReason?
    /// nil: all.
    package var ids: [UUID]?

    package init(org: UUID? = nil, reason: SetAsideReason? = nil, ids: [UUID]? = nil) {
        self.org = org
        self.reason = reason
        self.ids = ids
    }

    package var isEmpty: Bool { org == nil && reason == nil && ids == nil }
}

extension SetAsideStore {
    package func list(_ filter: SetAsideFilter, _ state: SetAsideRecord.State, limit: Int) async throws
        -> [SetAsideRecord]
    {
        try await database.query(
            """
            SELECT a.*, o.slug FROM usage_set_aside a LEFT JOIN orgs o ON o.id = a.org_id
            WHERE \(Self.condition(filter)) AND a.state = \(state.rawValue)
            ORDER BY a.received_at DESC, a.event_id LIMIT \(limit)
            """
        ).map { try Self.record($0) }
    }

    /// How many wait, by organisation and reason.
    package func counts() async throws -> [SetAsideCount] {
        try await database.query(
            """
            SELECT o.slug, a.reason, count(*) AS events, min(a.received_at) AS since
            FROM usage_set_aside a LEFT JOIN orgs o ON o.id = a.org_id WHERE a.state = 'waiting'
            GROUP BY o.slug, a.reason ORDER BY events DESC, o.slug, a.reason LIMIT 500
            """
        ).map { row in
            SetAsideCount(
                slug: try row["slug"], reason: try row.decode("reason", as: SetAsideReason.self),
                events: try row["events"], since: try row["since"])
        }
    }

    /// The oldest that wait, locked until the transaction ends.
    package func take(_ filter: SetAsideFilter, limit: Int) async throws -> [SetAsideRecord] {
        try await database.query(
            """
            SELECT a.*, o.slug FROM usage_set_aside a LEFT JOIN orgs o ON o.id = a.org_id
            WHERE \(Self.condition(filter)) AND a.state = 'waiting'
            ORDER BY a.received_at, a.event_id LIMIT \(limit) FOR UPDATE OF a
            """
        ).map { try Self.record($0) }
    }

    func decide(_ records: [SetAsideRecord], _ state: SetAsideRecord.State, by name: String) async throws {
        try await database.execute(
            """
            UPDATE usage_set_aside a SET state = \(state.rawValue), decided_at = now(), decided_by = \(name)
            FROM unnest(\(records.map(\.orgID)), \(records.map(\.id))) AS d (org_id, event_id)
            WHERE a.org_id = d.org_id AND a.event_id = d.event_id
            """)
    }

    /// From now on they are duplicates, in whatever batch they come again.
    func claim(_ records: [SetAsideRecord]) async throws {
        for org in Set(records.map(\.orgID)) { try await UsageStore(database: database).addOrg(org) }
        try await database.execute(
            """
            INSERT INTO usage_event_ids (org, id)
            SELECT u.key, d.event_id FROM unnest(\(records.map(\.orgID)), \(records.map(\.id)))
                AS d (org_id, event_id) JOIN usage_orgs u ON u.org_id = d.org_id
            ON CONFLICT DO NOTHING
            """)
    }

    private static func condition(_ filter: SetAsideFilter) -> SQL {
        """
        (\(filter.org) IS NULL OR a.org_id = \(filter.org))
            AND (\(filter.reason?.rawValue)::text IS NULL OR a.reason = \(filter.reason?.rawValue))
            AND (\(filter.ids) IS NULL OR a.event_id = ANY (\(filter.ids)))
        """
    }

    private static func record(_ row: Row) throws -> SetAsideRecord {
        SetAsideRecord(
            id: try row["event_id"], orgID: try row["org_id"], slug: try row["slug"],
            reason: try row.decode("reason", as: SetAsideReason.self), detail: try row["detail"],
            event: try row["event", as: JSON<SetAsideText>.self].value, receivedAt: try row["received_at"],
            state: try row.decode("state", as: SetAsideRecord.State.self), decidedAt: try row["decided_at"],
            decidedBy: try row["decided_by"])
    }
}

package struct SetAsideCount: Encodable, Sendable {
    package var slug: String?
    package var reason: SetAsideReason
    package var events: Int
    /// Of the oldest.
    package var since: Date
}
