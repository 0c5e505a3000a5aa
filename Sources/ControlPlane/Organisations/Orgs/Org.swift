import AdminProtocol
import FoundationEssentials
import Postgres

/// A customer organisation, the unit of isolation.
package struct Org: Sendable {
    package enum Status: String, Sendable, Encodable {
        /// Has a slug and members, and nothing in the cloud: it is provisioned once it is paid for.
        case awaitingPayment = "awaiting_payment"
        case provisioning, running, failed
        /// Keeps its instance and its data; nothing is provisioned or redeployed.
        case suspended
        /// A teardown is under way.
        case deprovisioning
        /// Nothing is left but this record, and the volume's snapshot as long as it is retained.
        case purged
    }

    package var id: UUID
    package var slug: String
    package var name: String
    package var plan: String
    /// Whose key created it; nil where a person did.
    package var partnerID: String?
    package var status: Status
    package var isCanary: Bool
    package var failureCode: String?
    package var failureMessage: String?
    package var createdAt: Date
    package var updatedAt: Date
    /// Of a purged one: until then its volume is kept and it can be restored.
    package var retainedUntil: Date?
    /// Of a suspended one.
    package var suspension: Suspension?
    /// Below what the plan allows.
    package var quotas: Quotas
    package var billingStatus: BillingStatus
    /// Of one whose payment failed: when it is suspended unless it is paid.
    package var graceEndsAt: Date?
    /// Of one that signs up now.
    package var estimatedReadyAt: Date?
}

extension Org {
    package static let columns: SQL =
        """
        id, slug, name, plan, partner_id, status, is_canary, failure_code, failure_message, created_at,
            updated_at, retained_until, suspended_by, suspended_at, suspended_reason, workspace_quota,
            llm_token_quota, billing_status, grace_ends_at
        """

    package init(_ row: Row) throws {
        id = try row["id", as: UUID.self]
        slug = try row["slug", as: String.self]
        name = try row["name", as: String.self]
        plan = try row["plan", as: String.self]
        partnerID = try row["partner_id", as: String?.self]
        status = try row.decode("status", as: Status.self)
        isCanary = try row["is_canary", as: Bool.self]
        failureCode = try row["failure_code", as: String?.self]
        failureMessage = try row["failure_message", as: String?.self]
        createdAt = try row["created_at", as: Date.self]
        updatedAt = try row["updated_at", as: Date.self]
        retainedUntil = try row["retained_until", as: Date?.self]
        suspension = try Suspension(row)
        quotas = Quotas(
            workspaces: try row["workspace_quota", as: Int?.self],
            llmTokens: try row["llm_token_quota", as: Int?.self])
        billingStatus = try row.decode("billing_status", as: BillingStatus.self)
        graceEndsAt = try row["grace_ends_at", as: Date?.self]
    }
}

extension Row {
    /// A column that holds one of a closed list of words.
    package func decode<Word: RawRepresentable>(_ column: String, as _: Word.Type) throws -> Word
    where Word.RawValue == String {
        let text = try self[column, as: String.self]
        guard let word = Word(rawValue: text) else {
            throw AppError(.internalError, "unknown_word", "The column \(column) holds an unknown word.")
        }
        return word
    }
}

/// An organisation as the routes show it.
package struct OrgView: Encodable {
    package var org: Org

    package init(org: Org) {
        self.org = org
    }

    private enum CodingKeys: String, CodingKey {
        case id, slug, name, plan, status
        case instanceStatus = "instance_status"
        case isCanary = "is_canary"
        case createdAt = "created_at"
        case updatedAt = "updated_at"
        case restorableUntil = "restorable_until"
        case estimatedReadyAt = "estimated_ready_at"
        case suspension, quotas
        case billingStatus = "billing_status"
        case graceEndsAt = "grace_ends_at"
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(org.id.text, forKey: .id)
        try container.encode(org.slug, forKey: .slug)
        try container.encode(org.name, forKey: .name)
        try container.encode(org.plan, forKey: .plan)
        try container.encode(org.status, forKey: .status)
        try container.encode(org.status, forKey: .instanceStatus)
        try container.encode(org.isCanary, forKey: .isCanary)
        try container.encode(org.createdAt, forKey: .createdAt)
        try container.encode(org.updatedAt, forKey: .updatedAt)
        try container.encodeIfPresent(org.retainedUntil, forKey: .restorableUntil)
        try container.encodeIfPresent(org.estimatedReadyAt, forKey: .estimatedReadyAt)
        try container.encodeIfPresent(org.suspension, forKey: .suspension)
        try container.encode(org.quotas, forKey: .quotas)
        try container.encode(org.billingStatus, forKey: .billingStatus)
        try container.encodeIfPresent(org.graceEndsAt, forKey: .graceEndsAt)
    }
}
