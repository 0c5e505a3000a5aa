import FoundationEssentials
import Postgres

/// A run as the routes show it.
package struct ReconcilerRun: Encodable, Sendable {
    package enum Outcome: String, Sendable, Encodable { case running, done, refused, failed }

    package var id: UUID
    package var startedAt: Date
    package var finishedAt: Date?
    package var mode: String
    package var outcome: String
    package var reason: String?
    package var seen: Int
    package var orphans: Int
    var ghosts: Int
    package var drift: Int
    package var acted: Int
    package var calls: Int

    package init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        startedAt = try row["started_at", as: Date.self]
        finishedAt = try row["finished_at", as: Date?.self]
        mode = try row["mode", as: String.self]
        outcome = try row["outcome", as: String.self]
        reason = try row["reason", as: String?.self]
        seen = try row["seen", as: Int.self]
        orphans = try row["orphans", as: Int.self]
        ghosts = try row["ghosts", as: Int.self]
        drift = try row["drift", as: Int.self]
        acted = try row["acted", as: Int.self]
        calls = try row["calls", as: Int.self]
    }

    private enum CodingKeys: String, CodingKey {
        case id, mode, outcome, reason, seen, orphans, ghosts, drift, acted, calls
        case startedAt = "started_at"
        case finishedAt = "finished_at"
    }
}

/// An open finding as the routes show it.
package struct FindingRecord: Encodable, Sendable {
    package var category: String
    package var code: String
    package var kind: String
    var resource: String
    package var place: String
    package var name: String
    package var orgID: UUID?
    package var slug: String?
    package var detail: String
    package var monthlyUSD: Double?
    var firstSeen: Date
    var lastSeen: Date
    var quarantinedAt: Date?
    package var action: String
    var actionDueAt: Date?
    var lastAction: String?
    var lastActionAt: Date?
    var lastError: String?

    package static let columns: SQL =
        """
        category, code, kind, resource, place, name, org_id, slug, detail, monthly_usd, first_seen,
        last_seen, quarantined_at, action, action_due_at, last_action, last_action_at, last_error
        """

    package init(_ row: Row) throws {
        category = try row["category", as: String.self]
        code = try row["code", as: String.self]
        kind = try row["kind", as: String.self]
        resource = try row["resource", as: String.self]
        place = try row["place", as: String.self]
        name = try row["name", as: String.self]
        orgID = try row["org_id", as: UUID?.self]
        slug = try row["slug", as: String?.self]
        detail = try row["detail", as: String.self]
        monthlyUSD = try row["monthly_usd", as: Double?.self]
        firstSeen = try row["first_seen", as: Date.self]
        lastSeen = try row["last_seen", as: Date.self]
        quarantinedAt = try row["quarantined_at", as: Date?.self]
        action = try row["action", as: String.self]
        actionDueAt = try row["action_due_at", as: Date?.self]
        lastAction = try row["last_action", as: String?.self]
        lastActionAt = try row["last_action_at", as: Date?.self]
        lastError = try row["last_error", as: String?.self]
    }

    private enum CodingKeys: String, CodingKey {
        case category, code, kind, resource, place, name, slug, detail
        case orgID = "org_id"
        case monthlyUSD = "monthly_usd"
        case firstSeen = "first_seen"
        case lastSeen = "last_seen"
        case quarantinedAt = "quarantined_at"
        case action = "next_action"
        case actionDueAt = "next_action_at"
        case lastAction = "last_action"
        case lastActionAt = "last_action_at"
        case lastError = "last_error"
    }
}
