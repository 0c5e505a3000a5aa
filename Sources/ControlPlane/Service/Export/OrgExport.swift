import FoundationEssentials
import Postgres

/// Everything that the platform holds of an organisation, but its secrets: part by part, as JSON.
struct OrgExport: Sendable {
    let database: any PostgresExecutor
    let org: UUID

    init(
        database: any PostgresExecutor, org: UUID
    ) {
        self.database = database
        self.org = org
    }

    /// How many entries of the audit log are read at once.
    static let auditPage = 500

    private var parts: [(name: String, rows: SQL)] {
        [
            (
                "organisation",
                """
                SELECT id, slug, name, owner_user_id, plan, status, is_canary, channel, pinned_digest,
                    is_opted_out, maintenance_until, failure_code, failure_message, suspended_by,
                    suspended_at, suspended_reason, workspace_quota, llm_token_quota, created_at, updated_at
                FROM orgs WHERE id = \(org)
                """
            ),
            (
                "tenant",
                """
                SELECT launch_id, launch, tunnel_id, instance_id, private_ip, agent_version, enrolled_at,
                    confirmed_at, provisioning_at, running_at, image_digest, service_digests, console_tail,
                    instance_type, resized_at
                FROM tenants WHERE org_id = \(org)
                """
            ),
            (
                "members",
                """
                SELECT m.user_id, u.email, m.role, m.created_at FROM memberships m
                JOIN users u ON u.id = m.user_id WHERE m.org_id = \(org) ORDER BY m.created_at, m.user_id
                """
            ),
            (
                "invitations",
                """
                SELECT id, email, role, invited_by, created_at, expires_at, accepted_at, accepted_by,
                    revoked_at
                FROM invitations WHERE org_id = \(org) ORDER BY created_at, id
                """
            ),
            (
                "tokens",
                """
                SELECT id, kind, name, token_prefix, scopes, partner_id, rate_limit, created_by, created_at,
                    expires_at, revoked_at, last_used_at
                FROM credentials WHERE org_id = \(org) ORDER BY created_at, id
                """
            ),
            (
                "billing",
                """
                SELECT customer_id, subscription_id, subscription_status, lookup_key, period_end, ends_at,
                    failing_since, created_at, synced_at
                FROM billing_accounts WHERE org_id = \(org)
                """
            ),
            (
                "invoices",
                """
                SELECT id, number, status, currency, total, amount_paid, created_at FROM billing_invoices
                WHERE org_id = \(org) ORDER BY created_at, id
                """
            ),
            (
                "billing_notices",
                """
                SELECT kind, failing_since, created_at FROM billing_notices
                WHERE org_id = \(org) ORDER BY created_at, kind
                """
            ),
            (
                "checkouts",
                """
                SELECT id, plan, session_id, created_at, expires_at, closed_at FROM billing_checkouts
                WHERE org_id = \(org) ORDER BY created_at, id
                """
            ),
            (
                "boot_events",
                """
                SELECT b.sequence, b.stage, b.outcome, b.duration_ms, b.code, b.exit_code, b.received_at
                FROM boot_events b JOIN tenants t ON t.launch_id = b.launch_id
                WHERE t.org_id = \(org) ORDER BY b.sequence
                """
            ),
            (
                "redeploys",
                """
                SELECT id, service, is_refresh, rollout_id, target_tag, previous_digest, digest, final_digest,
                    phase, ssm_status, ssm_exit_code, healthz_ok, error_code, error, created_at, finished_at
                FROM redeploys WHERE org_id = \(org) ORDER BY created_at, id
                """
            ),
            (
                "resizes",
                """
                SELECT id, cause, from_type, to_type, any_time, phase, failures, error_code, error,
                    created_at, begun_at, finished_at
                FROM resizes WHERE org_id = \(org) ORDER BY created_at, id
                """
            ),
            (
                "resources",
                """
                SELECT kind, intent_id, provider_id, state, created_at, updated_at FROM resource_ledger
                WHERE org_id = \(org) ORDER BY id
                """
            ),
        ] + creditParts
    }

    /// `"name":[...]`, the audit log left out.
    func texts() async throws -> [String] {
        var texts: [String] = []
        for part in parts {
            let row = try await database.query(
                "SELECT coalesce(json_agg(row_to_json(r)), '[]')::text AS json FROM (\(part.rows)) AS r")[0]
            texts.append("\"\(part.name)\":\(try row["json", as: String.self])")
        }
        return texts
    }
}
