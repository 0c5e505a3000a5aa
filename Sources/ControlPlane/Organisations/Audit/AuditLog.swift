import AuditChain
import FoundationEssentials
import Postgres

/// A change of state, as whoever makes it describes it. No secret belongs in it, and no personal datum but
/// ids: the log outlives the organisation.
package struct AuditEvent: Sendable {
    /// `noun.verb` in the past, as `partner_key.issued`.
    package var action: String
    package var org: UUID?
    /// What was changed: a slug, an id, a name.
    package var subject: String
    /// Only what changes.
    package var before: [String: AuditValue] = [:]
    package var after: [String: AuditValue] = [:]

    package init(
        action: String, org: UUID? = nil, subject: String, before: [String: AuditValue] = [:],
        after: [String: AuditValue] = [:]
    ) {
        self.action = action
        self.org = org
        self.subject = subject
        self.before = before
        self.after = after
    }
}

/// The rows of `audit.entries`. They can only be added.
package struct AuditLog: Sendable {
    /// Longest text of one member, in characters; what is longer is cut.
    static let maximumText = 500

    /// The transaction of the change: both are kept, or neither.
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    package func record(_ event: AuditEvent, by origin: RequestOrigin) async throws {
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
