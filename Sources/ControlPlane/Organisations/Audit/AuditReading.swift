import AuditChain
import FoundationEssentials
import Postgres

/// Which entries of the audit log are asked for. What is nil does not narrow.
package struct AuditFilter: Sendable {
    package var org: UUID?
    /// Every organisation that ever had it.
    package var slug: String?
    /// `org.created`, or `org` for all of a noun's.
    package var action: String?
    package var actor: String?
    package var subject: String?
    package var since: Date?
    package var until: Date?

    package init(
        org: UUID? = nil, slug: String? = nil, action: String? = nil, actor: String? = nil,
        subject: String? = nil, since: Date? = nil, until: Date? = nil
    ) {
        self.org = org
        self.slug = slug
        self.action = action
        self.actor = actor
        self.subject = subject
        self.since = since
        self.until = until
    }
}

/// An entry as the log's routes show it.
package struct AuditRecord: Sendable, Encodable {
    package var entry: AuditEntry
    /// nil: not sealed yet.
    package var sequence: Int?

    private enum CodingKeys: String, CodingKey { case sequence }

    package func encode(to encoder: any Encoder) throws {
        try entry.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(sequence, forKey: .sequence)
    }
}

/// Reads the audit log and its chain.
package struct AuditReading: Sendable {
    package let database: any PostgresExecutor

    package init(database: any PostgresExecutor) {
        self.database = database
    }

    /// A timestamptz as the chain has it, to the microsecond.
    package static func text(of timestamp: SQL) -> SQL {
        "to_char(\(timestamp) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    }

    package static let columns: SQL =
        """
        e.id, \(text(of: "e.at")) AS at, e.action, e.org_id::text AS org_id, e.subject, e.actor_kind,
            e.actor_name, e.address, e.request_id, e.before, e.after
        """

    /// Newest first.
    /// - Parameter before: an entry's id: only those before it.
    package func list(_ filter: AuditFilter, before: Int?, limit: Int) async throws -> [AuditRecord] {
        var conditions: [SQL] = ["true"]
        if let before { conditions.append("e.id < \(before)") }
        if let org = filter.org { conditions.append("e.org_id = \(org)") }
        if let slug = filter.slug {
            conditions.append("e.org_id IN (SELECT id FROM orgs WHERE slug = \(slug))")
        }
        if let action = filter.action {
            conditions.append("(e.action = \(action) OR starts_with(e.action, \(action + ".")))")
        }
        if let actor = filter.actor { conditions.append("e.actor_name = \(actor)") }
        if let subject = filter.subject { conditions.append("e.subject = \(subject)") }
        if let since = filter.since { conditions.append("e.at >= \(since)") }
        if let until = filter.until { conditions.append("e.at < \(until)") }
        let rows = try await database.query(
            """
            SELECT \(Self.columns), c.sequence
            FROM audit.entries e LEFT JOIN audit.chain c ON c.entry_id = e.id
            WHERE \(SQL(joining: conditions, separator: " AND "))
            ORDER BY e.id DESC LIMIT \(limit)
            """)
        return try rows.map {
            AuditRecord(entry: try AuditEntry($0), sequence: try $0["sequence", as: Int?.self])
        }
    }

    // MARK: The whole chain

    /// The last link's; 0 before the first.
    package func lastSequence() async throws -> Int {
        try await database.query("SELECT coalesce(max(sequence), 0) AS last FROM audit.chain")[0]["last"]
    }

    /// In order, each with its entry, or without where there is none any more.
    package func links(after sequence: Int, through last: Int, limit: Int) async throws -> [ChainLine] {
        let rows = try await database.query(
            """
            SELECT c.sequence, \(Self.text(of: "c.sealed_at")) AS sealed_at, encode(c.hash, 'hex') AS hash,
                c.entry_id, \(Self.columns)
            FROM audit.chain c LEFT JOIN audit.entries e ON e.id = c.entry_id
            WHERE c.sequence > \(sequence) AND c.sequence <= \(last) ORDER BY c.sequence LIMIT \(limit)
            """)
        return try rows.map { row in
            let isThere = try row["id", as: Int?.self] != nil
            return ChainLine(
                sequence: try row["sequence", as: Int.self], sealedAt: try row["sealed_at", as: String.self],
                hash: try row["hash", as: String.self], entryID: try row["entry_id"],
                entry: isThere ? try AuditEntry(row) : nil)
        }
    }

    /// What no link seals, oldest first.
    package func unsealed(after id: Int, limit: Int) async throws -> [ChainLine] {
        let rows = try await database.query(
            """
            SELECT \(Self.columns) FROM audit.entries e
            WHERE e.id > \(id) AND NOT EXISTS (SELECT FROM audit.chain c WHERE c.entry_id = e.id)
            ORDER BY e.id LIMIT \(limit)
            """)
        return try rows.map { row in
            let entry = try AuditEntry(row)
            return ChainLine(sequence: nil, sealedAt: nil, hash: nil, entryID: entry.id, entry: entry)
        }
    }
}

extension AuditEntry {
    package init(_ row: Row) throws {
        self.init(
            id: try row["id"], at: try row["at"], action: try row["action"],
            orgID: try row["org_id", as: String?.self], subject: try row["subject"],
            actorKind: try row["actor_kind"], actorName: try row["actor_name"],
            address: try row["address", as: String?.self], requestID: try row["request_id", as: String?.self],
            before: try row["before", as: JSON<AuditValue>.self].value,
            after: try row["after", as: JSON<AuditValue>.self].value)
    }
}
