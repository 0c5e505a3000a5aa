import Foundation
import TestSupport
import Testing

/// The program as it is typed, against a server that answers as the control plane does.
@Suite struct CommandTests {
    private let server: OracleServer
    private let url: String

    init() throws {
        server = try OracleServer("pretend_control_plane.py")
        url = try JSONDecoder().decode([String: String].self, from: server.announcement)["url"] ?? ""
    }

    private func cpctl(
        _ arguments: [String], token: String? = "right", url: String? = nil
    ) async throws -> (status: Int32, output: String) {
        var environment = ["CP_URL": url ?? self.url, "PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1"]
        environment["CP_ADMIN_API_TOKEN"] = token
        return try await runCommand(builtProduct("cpctl"), arguments, environment: environment)
    }

    @Test func listsShowsCreatesAndDeletesOrgs() async throws {
        let list = try await cpctl(["orgs", "list"])
        #expect(list.status == 0)
        #expect(list.output.contains("SLUG  INSTANCE  PLAN"))
        #expect(list.output.contains("acme  running   free"))
        #expect(try await cpctl(["orgs", "show", "acme"]).output.contains("Acme Ü"))
        let created = try await cpctl(["orgs", "create", "new", "--name", "N", "--owner", "u"])
        #expect(created.status == 0 && created.output.contains("cpctl boot new --follow"))
        let deleted = try await cpctl(["orgs", "delete", "acme", "--confirm", "acme"])
        #expect(deleted.status == 0 && deleted.output.contains("acme is deleted"))
    }

    @Test func showsOrphansWithTheirCostAndDriftWithWhatComesNext() async throws {
        let orphans = try await cpctl(["orphans"])
        #expect(orphans.status == 0)
        #expect(orphans.output.contains("instance  i-1     acme    32.77"))
        #expect(orphans.output.contains("delete at 2026-01-09T00:00:00Z"))
        #expect(orphans.output.contains("In total 32.77 USD a month, and 1 of unknown price."))
        #expect(try await cpctl(["drift"]).output.contains("acme    record_missing  dns_record"))
        let dry = try await cpctl(["reconcile"])
        #expect(dry.output.contains("3 findings among 40 resources"))
        #expect(dry.output.contains("Apply it: cpctl reconcile --apply"))
        #expect(
            try await cpctl(["reconcile", "--apply"]).output.contains(
                "2 findings settled with 5 provider calls."))
        #expect(try await cpctl(["orphans", "--json"]).output.contains("\"unknown_prices\""))
    }

    @Test func aWrongConfirmationSendsNothing() async throws {
        let refused = try await cpctl(
            ["orgs", "delete", "acme", "--confirm", "acm"], url: "http://127.0.0.1:1")
        #expect(refused.status == 64 && refused.output.contains("--confirm must be the same slug"))
    }

    @Test func aRefusalSaysWhatToDo() async throws {
        let unauthorized = try await cpctl(["orgs", "list"], token: "wrong")
        #expect(unauthorized.status == 1)
        #expect(unauthorized.output.contains("The token is not valid. (unauthorized, HTTP 401, request r-1)"))
        #expect(unauthorized.output.contains("Check CP_ADMIN_API_TOKEN"))
        #expect(!unauthorized.output.contains("wrong"))
        let missing = try await cpctl(["orgs", "show", "none"])
        #expect(missing.status == 1 && missing.output.contains("cpctl orgs list"))
        #expect(
            try await cpctl(["orgs", "list"], token: nil).output.contains("CP_ADMIN_API_TOKEN is not set"))
        let unreachable = try await cpctl(["orgs", "list"], url: "http://127.0.0.1:1")
        #expect(unreachable.status == 1 && unreachable.output.contains("Is it running?"))
    }

    @Test func printsJSONWhenAsked() async throws {
        let list = try await cpctl(["orgs", "list", "--json"])
        let value = try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [String: Any]
        #expect((value?["orgs"] as? [Any])?.count == 1)
        let refusal = try await cpctl(["orgs", "show", "none", "--json"])
        #expect(refusal.status == 1 && refusal.output.contains("\"code\": \"org_not_found\""))
    }

    @Test func followsABootOverABrokenStream() async throws {
        let boot = try await cpctl(["boot", "acme", "--follow"])
        #expect(boot.status == 0)
        let lines = boot.output.split(separator: "\n").map(String.init)
        #expect(
            lines == [
                "✓ userdata  0.2 s  at 0.4 s", "… docker  at 0.5 s", "✓ docker  0.2 s  at 0.7 s",
                "acme is running.",
            ])
    }

    @Test func aFailedBootEndsWithItsReason() async throws {
        for arguments in [["boot", "broken", "--follow"], ["boot", "broken"]] {
            let boot = try await cpctl(arguments)
            #expect(boot.status == (arguments.count == 3 ? 1 : 0))
            #expect(boot.output.contains("boot_timeout: The agent stayed silent."))
            #expect(boot.output.contains("Kernel panic"))
        }
    }

    @Test func followsARedeployToItsEnd() async throws {
        let updated = try await cpctl(["tenants", "redeploy", "acme", "--tag", "v2", "--follow"])
        #expect(updated.status == 0)
        #expect(
            updated.output.contains("acme: updated after 4.2 s, healthy\nwas   sha256:old\nnow   sha256:new"))
        let rolledBack = try await cpctl(["tenants", "redeploy", "acme", "--tag", "bad", "--follow"])
        #expect(rolledBack.status == 1)
        #expect(
            rolledBack.output.contains("acme: rolled_back") && rolledBack.output.contains("error unhealthy"))
        let plan = try await cpctl(["tenants", "redeploy", "acme", "--tag", "v2", "--dry-run"])
        #expect(plan.status == 0 && plan.output.contains("acme would be redeployed."))
        // Without an image it is the channel's.
        #expect(try await cpctl(["tenants", "redeploy", "acme", "--follow"]).status == 0)
        let two = try await cpctl(["tenants", "redeploy", "acme", "--tag", "v2", "--refresh"])
        #expect(two.status == 64 && two.output.contains("at most one of --tag, --digest and --refresh"))
    }

    @Test func completesInTheShell() async throws {
        let script = try await cpctl(["--generate-completion-script", "bash"])
        #expect(script.status == 0 && script.output.contains("complete"))
    }
}
