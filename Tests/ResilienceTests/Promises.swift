import CurlHTTP
import Foundation
import Postgres
import TestSupport

/// What must hold at the end of every story, whatever happened on the way. Each gives what is broken.
extension Scene {
    /// One of each, and the tenant runs.
    /// - Parameters:
    ///   - created: instances that were ever created.
    ///   - tokens: ClientTokens of the launches that were asked for.
    func brokenWhileRunning(created: Int = 1, tokens: Int = 1) async throws -> [String] {
        try await awaitQuiet()
        let org = try await orgID()
        let held = try await cloud.holdings(org: org, slug: slug)
        var broken = launchProblems(held, created: created, tokens: tokens)
        expect(held.living.map(\.state) == ["running"], "instances \(held.living.map(\.state))", &broken)
        expect(held.tunnels.count == 1, "\(held.tunnels.count) tunnels", &broken)
        expect(held.records.count == 1, "\(held.records.count) DNS records", &broken)
        let status = try await ask("GET", "/cp/admin/orgs/\(slug)/provision-status")["status"]
        expect(status == "running", "status \(status ?? "none")", &broken)
        expect(await cloud.isHealthy(slug), "not healthy through the edge", &broken)
        broken += try await credentialProblems()
        broken += try await ledgerProblems()
        return broken
    }

    /// Nothing is left but the purge record.
    /// - Parameter credential: the tenant's, from the time when it ran.
    func brokenAfterDelete(credential: String?) async throws -> [String] {
        try await awaitQuiet()
        let held = try await cloud.holdings(org: try await orgID(), slug: slug)
        var broken = try await goneProblems(held, credential)
        expect(held.snapshots.isEmpty, "\(held.snapshots.count) snapshots", &broken)
        for table: SQL in ["tenants", "boot_events", "resource_ledger", "redeploys", "resizes"] {
            let count = try await rows(table)
            expect(count == 0, "\(count) rows in \(table)", &broken)
        }
        return broken
    }

    /// Nothing is left but a snapshot, and what is needed to restore the tenant from it.
    func brokenWhileRetained(credential: String?) async throws -> [String] {
        try await awaitQuiet(but: "forget_tenant")
        let held = try await cloud.holdings(org: try await orgID(), slug: slug)
        var broken = try await goneProblems(held, credential)
        let states = held.snapshots.map(\.state)
        expect(states == ["completed"], "snapshots \(states)", &broken)
        let known = try await rows(
            "resource_ledger WHERE kind = 'snapshot' AND state = 'live' AND provider_id IS NOT NULL")
        let all = try await rows("resource_ledger")
        expect(known == 1 && all == 1, "\(all) rows in the ledger, \(known) of a snapshot", &broken)
        expect(try await rows("tenants WHERE secrets_sealed IS NOT NULL") == 1, "no keys are kept", &broken)
        expect(try await rows("orgs WHERE retained_until > now()") == 1, "no retention", &broken)
        let ends = try await rows(
            "workflows WHERE kind = 'forget_tenant' AND state IN ('waiting', 'running')")
        expect(ends == 1, "\(ends) workflows end the retention", &broken)
        return broken
    }

    /// Nothing lives, and nothing opens.
    private func goneProblems(_ held: Holdings, _ credential: String?) async throws -> [String] {
        // Cancelled early enough, it never had an instance.
        var broken = held.instances.isEmpty ? [] : launchProblems(held)
        expect(held.living.isEmpty, "\(held.living.count) instances live", &broken)
        expect(held.tunnels.isEmpty, "\(held.tunnels.count) tunnels", &broken)
        expect(held.records.isEmpty, "\(held.records.count) DNS records", &broken)
        let status = try await database.pool.query("SELECT status FROM orgs")[0]["status", as: String.self]
        expect(status == "purged", "status \(status)", &broken)
        if let credential {
            expect(try await !isOpen(to: credential), "the credential still opens", &broken)
        }
        return broken
    }

    /// RunInstances created one instance for each client token, and one launch has one token.
    private func launchProblems(_ held: Holdings, created: Int = 1, tokens: Int = 1) -> [String] {
        var broken: [String] = []
        expect(held.instances.count == created, "\(held.instances.count) instances were created", &broken)
        let used = Set(trace.launches).count
        expect(used == tokens, "RunInstances under \(used) client tokens", &broken)
        expect(replica.faults.isEmpty, "\(replica.faults)", &broken)
        return broken
    }

    /// The tenant's credential opens, and the boot token, which has done its work, does not.
    private func credentialProblems() async throws -> [String] {
        var broken: [String] = []
        let live = try await rows(
            """
            tenants WHERE admin_token_hash IS NOT NULL AND boot_token_hash IS NULL
                AND instance_id IS NOT NULL
            """
        )
        let all = try await rows("tenants")
        expect(live == 1 && all == 1, "\(live) tenants of \(all) with one live credential", &broken)
        let token = try await credential()
        expect(try await isOpen(to: token), "the credential does not open", &broken)
        return broken
    }

    private func ledgerProblems() async throws -> [String] {
        let entries = try await database.pool.query(
            """
            SELECT concat(kind, ' ', state) AS entry FROM resource_ledger
            WHERE state <> 'deleted' ORDER BY 1
            """
        ).map { try $0["entry", as: String.self] }
        var broken: [String] = []
        for kind in ["instance", "tunnel", "tunnel_configuration", "dns_record"] {
            let of = entries.filter { $0.hasPrefix(kind + " ") }
            expect(of == ["\(kind) live"], "ledger of \(kind): \(of)", &broken)
        }
        expect(!entries.contains { $0.hasSuffix("intended") }, "ledger: \(entries)", &broken)
        return broken
    }

    func credential() async throws -> String {
        let answer = try await ask("GET", "/cp/admin/orgs/\(slug)/admin-token")
        guard let token = answer["admin_token"] else { throw TestSupportError("no credential: \(answer)") }
        return token
    }

    /// Whether the tenant's credential is taken.
    func isOpen(to credential: String) async throws -> Bool {
        try await ask(
            "GET", "/cp/tenants/config",
            headers: [
                HTTPField("Authorization", "Bearer \(credential)"),
                HTTPField("X-Molecule-Org-Id", try await orgID()),
            ]
        ).status == 200
    }

    func rows(_ table: SQL) async throws -> Int {
        try await database.pool.query("SELECT count(*)::int AS n FROM \(table)")[0]["n", as: Int.self]
    }
}

private func expect(_ holds: Bool, _ problem: String, _ broken: inout [String]) {
    if !holds { broken.append(problem) }
}
