import FoundationEssentials
import Organisations
import Postgres

/// What billing changes of an organisation's row.
extension OrgStore {
    func setPlan(id: UUID, _ plan: String) async throws {
        try await database.execute(
            "UPDATE orgs SET plan = \(plan), updated_at = now() WHERE id = \(id)")
    }

    package func setBilling(id: UUID, _ status: BillingStatus, graceEndsAt: Date?) async throws {
        try await database.execute(
            """
            UPDATE orgs SET billing_status = \(status.rawValue), grace_ends_at = \(graceEndsAt),
                updated_at = now()
            WHERE id = \(id)
            """)
    }
}
