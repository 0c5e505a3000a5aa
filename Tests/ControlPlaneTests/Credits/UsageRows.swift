import Foundation
import Postgres

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

extension TestService {
    /// Usage as ingestion leaves it: in the sums of hours and days, and in the organisation's time.
    func use(
        _ org: UUID, credits: Int, at date: Date = Date(), model: String = "m-1", workspace: UUID? = nil
    ) async throws {
        try await use(org, millicredits: credits * 1_000, at: date, model: model, workspace: workspace)
    }

    func use(
        _ org: UUID, millicredits: Int, at date: Date = Date(), model: String = "m-1", workspace: UUID? = nil
    ) async throws {
        let workspace = workspace ?? org
        let tokens = millicredits / 1_000
        try await platform.database.transaction { transaction in
            try await transaction.execute(
                """
                INSERT INTO usage_orgs (org_id, last_received_at) VALUES (\(org), clock_timestamp())
                ON CONFLICT (org_id) DO UPDATE SET last_received_at = clock_timestamp()
                """)
            for table in [("usage_hours", "hour"), ("usage_days", "day")] {
                try await transaction.execute(
                    """
                    INSERT INTO \(identifier: table.0) AS known (org_id, \(identifier: table.1),
                        workspace_id, provider, model, events, input_tokens, output_tokens, cached_tokens,
                        reasoning_tokens, millicredits)
                    SELECT \(org), date_trunc(\(table.1)::text, \(date), 'UTC'),
                        \(workspace), 'p', \(model), 1, \(tokens), 0, 0, 0, \(millicredits)
                    ON CONFLICT (org_id, \(identifier: table.1), workspace_id, provider, model)
                    DO UPDATE SET events = known.events + 1,
                        input_tokens = known.input_tokens + EXCLUDED.input_tokens,
                        millicredits = known.millicredits + EXCLUDED.millicredits
                    """)
            }
        }
    }

    /// An organisation that had the plan since long before this month.
    func org(_ slug: String, plan: String, owner: String = "owner") async throws -> Org {
        let org = try await org(slug, owner: owner)
        try await platform.database.execute(
            """
            UPDATE orgs SET status = 'running', plan = \(plan), created_at = now() - interval '1 year'
            WHERE id = \(org.id)
            """)
        return try await OrgStore(database: platform.database).find(id: org.id) ?? org
    }

    func account(_ org: UUID, _ month: Month = Month(containing: Date())) async throws -> CreditAccount {
        try await CreditReading(database: platform.database, rules: platform.billing.creditRules)
            .account(of: org, in: month)
    }

    func changeCredits(
        _ body: @Sendable (CreditLedger) async throws -> Void
    ) async throws {
        try await platform.database.transaction { transaction in
            try await body(CreditLedger(database: transaction, rules: platform.billing.creditRules))
        }
    }
}
