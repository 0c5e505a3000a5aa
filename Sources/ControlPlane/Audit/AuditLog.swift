import AuditChain
import FoundationEssentials
import Postgres

/// A change of state, as whoever makes it describes it. No secret belongs in it, and no personal datum but
/// ids: the log outlives the organisation.
struct AuditEvent: Sendable {
    /// `noun.verb` in the past, as `partner_key.issued`.
    var action: String
    var org: UUID?
    /// What was changed: a slug, an id, a name.
    var subject: String
    /// Only what changes.
    var before: [String: AuditValue] = [:]
    var after: [String: AuditValue] = [:]
}

/// The rows of `audit.entries`. They can only be added.
struct AuditLog: Sendable {
    /// Longest text of one member, in characters; what is longer is cut.
    static let maximumText = 500

    /// The transaction of the change: both are kept, or neither.
    let database: any PostgresExecutor

    func record(_ event: AuditEvent, by origin: RequestOrigin) async throws {
        try await database.execute(
            """
            INSERT INTO audit.entries (action, org_id, subject, actor_kind, actor_name, address, request_id,
                before, after)
            VALUES (\(event.action), \(event.org), \(Self.storable(event.subject)),
                \(origin.kind.rawValue), \(Self.storable(origin.name)), \(origin.address),
                \(origin.requestID.map(Self.storable)), \(JSON(Self.storable(.object(event.before)))),
                \(JSON(Self.storable(.object(event.after)))))
            """)
    }

    /// PostgreSQL's text has no NUL.
    private static func storable(_ text: String) -> String {
        String(text.prefix(maximumText)).replacing("\0", with: "")
    }

    private static func storable(_ value: AuditValue) -> AuditValue {
        switch value {
        case .string(let text): .string(storable(text))
        case .array(let values): .array(values.map { storable($0) })
        case .object(let members): .object(members.mapValues { storable($0) })
        case .null, .bool, .integer: value
        }
    }
}
