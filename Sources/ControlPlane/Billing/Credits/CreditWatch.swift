import Fleet
import FoundationEssentials
import Logging
import Organisations
import Postgres
import ServiceLifecycle

/// Looks at organisations whose use has changed: records the alerts that were reached, and has the tenant
/// told when it may use more or less than before. Ingestion waits for none of this.
///
/// Activated by a timer, and by a signal when a grant or a cap changes. All replicas may run it:
/// what it does to an organisation is done under that organisation's lock, once.
package struct CreditWatch: Service {
    package static let channel = "credits"
    /// Organisations that are read in one statement.
    package static let batch = 200
    /// Also one whose use seems unchanged is looked at this often: somebody may have corrected it by hand.
    private static let recheck: Duration = .seconds(3_600)

    package let billing: BillingContext

    package init(billing: BillingContext) {
        self.billing = billing
    }

    private var database: PostgresPool { billing.database }
    private var logger: Logger { billing.logger }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        try? await Task.sleep(for: billing.credits.watchInterval)
                        await look()
                    }
                }
                group.addTask { for await _ in database.listen(to: Self.channel) { await look() } }
            }
        }
    }

    private func look() async {
        guard !Task.isCancelled else { return }
        do {
            try await lookAtChanged()
        } catch let error as PostgresError where error.isConnectionFailure {
            // The database is away: what has changed is found when it is back.
        } catch {
            logger.error("credits not looked at", metadata: ["error": "\(error)"])
        }
    }

    /// - Returns: how many organisations were looked at.
    @discardableResult
    func lookAtChanged(now: Date = Date()) async throws -> Int {
        let month = Month(containing: now)
        var last: UUID?
        var total = 0
        while true {
            let orgs = try await changed(month, after: last)
            for org in orgs { try await look(at: org, month) }
            total += orgs.count
            guard orgs.count == Self.batch else { return total }
            last = orgs.last
        }
    }

    /// In order of their ids. A batch's time is that of its transaction's beginning, so a later one may be
    /// committed first: what counts is that it is another than was seen.
    private func changed(_ month: Month, after last: UUID?) async throws -> [UUID] {
        let rows = try await database.query(
            """
            SELECT u.org_id FROM usage_orgs u LEFT JOIN credit_watch w ON w.org_id = u.org_id
            WHERE (w.org_id IS NULL OR w.seen_received_at IS DISTINCT FROM u.last_received_at
                    OR w.period <> \(month.firstDay)
                    OR w.looked_at < now() - make_interval(secs => \(Self.recheck / .seconds(1))))
                AND (\(last)::uuid IS NULL OR u.org_id > \(last)::uuid)
            ORDER BY u.org_id LIMIT \(Self.batch)
            """)
        return try rows.map { try $0["org_id"] }
    }

    private func look(at org: UUID, _ month: Month) async throws {
        let reached = try await database.transaction { transaction in
            let ledger = CreditLedger(database: transaction, rules: billing.creditRules)
            try await ledger.lock(org)
            let store = CreditWatchStore(database: transaction)
            // Before the sums: what comes in between is seen again.
            let seen = try await store.lastReceived(org)
            for month in [month.previous, month] {
                try await ledger.openIfUsed(org, month)
            }
            let account = try await CreditReading(database: transaction, rules: billing.creditRules)
                .account(of: org, in: month)
            let alerts = try await store.recordAlerts(account)
            for alert in alerts {
                try await AuditLog(database: transaction).record(
                    alert.audited(org, month), by: .service("credits"))
            }
            if try await store.saw(account, receivedAt: seen) {
                logger.info(
                    "credit state changed",
                    metadata: [
                        "org": "\(org.text)", "state": "\(account.position.state?.rawValue ?? "none")",
                    ])
                try await SettingsPushes(fleet: billing.fleet).pushSettings(org: org, in: transaction)
            }
            return alerts
        }
        for alert in reached {
            logger.notice(
                "credit alert",
                metadata: [
                    "org": "\(org.text)", "month": "\(month.text)", "alert": "\(alert.kind.rawValue)",
                    "used": "\(alert.used)", "limit": "\(alert.limit)",
                ])
        }
    }
}

extension CreditAlert {
    fileprivate func audited(_ org: UUID, _ month: Month) -> AuditEvent {
        AuditEvent(
            action: "credits.alert_reached", org: org, subject: "\(month.text) \(kind.rawValue)",
            after: ["used": .integer(used), "limit": .integer(limit)])
    }
}
