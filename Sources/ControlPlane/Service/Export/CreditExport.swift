import Organisations
import Postgres

extension OrgExport {
    /// What an organisation was granted, told and charged for.
    var creditParts: [(name: String, rows: SQL)] {
        [
            (
                "credit_periods",
                """
                SELECT period, overage_cap, settled, opened_at FROM credit_periods WHERE org_id = \(org)
                ORDER BY period
                """
            ),
            (
                "credit_grants",
                """
                SELECT period, kind, plan, plan_credits, effective_at, credits, note, created_at
                FROM credit_grants WHERE org_id = \(org) ORDER BY id
                """
            ),
            (
                "credit_alerts",
                """
                SELECT period, kind, used, credit_limit, at FROM credit_alerts WHERE org_id = \(org)
                ORDER BY at, kind
                """
            ),
            (
                "overage_reports",
                """
                SELECT id, period, customer_id, credits, event_at, state, created_at, finished_at
                FROM overage_reports WHERE org_id = \(org) ORDER BY created_at, id
                """
            ),
        ]
    }
}
