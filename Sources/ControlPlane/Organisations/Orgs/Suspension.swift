import AdminProtocol
import FoundationEssentials
import Postgres

/// Why an organisation stands still: nothing is provisioned or redeployed, and its data stays.
package struct Suspension: Sendable, Encodable {
    /// Who may end it: an operator ends each, a customer only their own.
    package enum Author: String, Sendable, Encodable {
        case customer, `operator`
        /// The platform itself, for a payment that failed; ends with the payment.
        case billing
    }

    package static let maximumReasonLength = 200

    package var by: Author
    package var at: Date
    package var reason: String?

    /// nil for a row of an organisation that is not suspended.
    package init?(_ row: Row) throws {
        guard let by = try row["suspended_by", as: String?.self].flatMap(Author.init),
            let at = try row["suspended_at", as: Date?.self]
        else { return nil }
        self.by = by
        self.at = at
        reason = try row["suspended_reason", as: String?.self]
    }
}

extension OrgStore {
    /// A running or failed organisation; or an operator takes over what a customer has begun.
    /// - Returns: whether it could be; otherwise nothing changed.
    package func suspend(id: UUID, by author: Suspension.Author, reason: String?) async throws -> Bool {
        try await database.execute(
            """
            UPDATE orgs SET status = 'suspended', suspended_by = \(author.rawValue), suspended_at = now(),
                suspended_from = CASE WHEN status = 'suspended' THEN suspended_from ELSE status END,
                suspended_reason = \(reason), updated_at = now()
            WHERE id = \(id) AND (status IN ('running', 'failed')
                OR status = 'suspended' AND suspended_by <> \(author.rawValue) AND \(author == .operator))
            """) == 1
    }

    /// Back to what it was.
    /// - Returns: whether it was suspended; otherwise nothing changed.
    package func resume(id: UUID) async throws -> Bool {
        try await database.execute(
            """
            UPDATE orgs SET status = suspended_from, suspended_from = NULL, suspended_by = NULL,
                suspended_at = NULL, suspended_reason = NULL, updated_at = now()
            WHERE id = \(id) AND status = 'suspended'
            """) == 1
    }

    /// Until the transaction ends, whatever has become of it.
    package func lockWhatever(id: UUID) async throws -> Org {
        let rows = try await database.query(
            "SELECT \(Org.columns) FROM orgs WHERE id = \(id) FOR NO KEY UPDATE")
        return try Org(rows[0])
    }

    /// Until the transaction ends. An organisation that a teardown has purged meanwhile is not found.
    package func lock(id: UUID) async throws -> Org {
        let rows = try await database.query(
            "SELECT \(Org.columns) FROM orgs WHERE id = \(id) AND status <> 'purged' FOR NO KEY UPDATE")
        guard let row = rows.first else {
            throw AppError(.notFound, "org_not_found", "The organisation was deleted meanwhile.")
        }
        return try Org(row)
    }
}
