import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct CreditWatchTests {
    private static let month = Month(containing: Date())

    private static func alerts(_ service: TestService, _ org: UUID) async throws -> [String] {
        try await CreditWatchStore(database: service.platform.database).alerts(of: org, in: month)
            .map(\.kind.rawValue).sorted()
    }

    private static func state(_ service: TestService, _ org: UUID) async throws -> String? {
        try await service.platform.database.query("SELECT state FROM credit_watch WHERE org_id = \(org)")
            .first?["state"]
    }

    @Test func everyAlertIsGivenOnceAMonth() async throws {
        try await TestService.run(["CREDIT_WATCH_SECONDS": "3600"]) { service in
            let org = try await service.org("acme", plan: "pro")
            let watch = CreditWatch(billing: service.platform.billing)
            for (credits, expected) in [
                (19_999_999, []), (1, ["grant_80"]), (5_000_000, ["grant_100", "grant_80"]),
                (19_999_999, ["grant_100", "grant_80"]), (1, ["cap_80", "grant_100", "grant_80"]),
                (9_000_000, ["cap_100", "cap_80", "grant_100", "grant_80"]),
            ] {
                try await service.use(org.id, credits: credits)
                for _ in 0..<2 { try await watch.lookAtChanged() }
                #expect(try await Self.alerts(service, org.id) == expected)
            }
            #expect(try await Self.state(service, org.id) == "exhausted")
            let audit = try await service.send(
                "GET", "/cp/admin/audit?org=acme&action=credits.alert_reached")
            #expect(audit.json["entries"]?.array?.count == 4)
            let view = try await service.send("GET", "/cp/admin/orgs/acme/credits")
            #expect(view.json["alerts"]?.array?.count == 4)
            #expect(view.json["uncharged_credits"]?.number == 4_000_000)
        }
    }

    @Test func whoseUseHasNotChangedIsLeftAlone() async throws {
        try await TestService.run(["CREDIT_WATCH_SECONDS": "3600"]) { service in
            // The service looks by itself as soon as it listens.
            try await Task.sleep(for: .milliseconds(300))
            let watch = CreditWatch(billing: service.platform.billing)
            let orgs = [
                try await service.org("acme", plan: "pro"), try await service.org("beta", plan: "starter"),
            ]
            for org in orgs { try await service.use(org.id, credits: 5) }
            #expect(try await watch.lookAtChanged() == 2)
            #expect(try await watch.lookAtChanged() == 0)
            try await service.use(orgs[1].id, credits: 5)
            #expect(try await watch.lookAtChanged() == 1)
            // A new month begins: what was exhausted is not any more, though nothing was used.
            #expect(try await watch.lookAtChanged(now: Self.month.end) == 2)
            #expect(try await watch.lookAtChanged(now: Self.month.end) == 0)
        }
    }

    @Test func anExhaustedOrganisationIsWholeAgainInTheNextMonth() async throws {
        try await TestService.run(["CREDIT_WATCH_SECONDS": "3600"]) { service in
            let org = try await service.org("acme", plan: "starter")
            let watch = CreditWatch(billing: service.platform.billing)
            try await service.use(org.id, credits: 5_000_000)
            try await watch.lookAtChanged()
            #expect(try await Self.state(service, org.id) == "exhausted")
            try await watch.lookAtChanged(now: Self.month.end)
            #expect(try await Self.state(service, org.id) == "ok")
        }
    }

    @Test func creditsGivenByHandAreNoticedAtOnce() async throws {
        try await TestService.run(["CREDIT_WATCH_SECONDS": "3600"]) { service in
            let org = try await service.org("acme", plan: "starter")
            try await service.use(org.id, credits: 5_000_000)
            try await CreditWatch(billing: service.platform.billing).lookAtChanged()
            #expect(try await Self.state(service, org.id) == "exhausted")
            try await service.changeCredits {
                _ = try await $0.adjust(
                    org: org.id, month: Self.month, credits: 9_000_000, key: "k", note: nil)
            }
            try await eventually("the watch") { try await Self.state(service, org.id) == "ok" }
        }
    }

    @Test func theTenantIsTold() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme")
            func config() async throws -> [String: JSONValue] {
                try await service.send(
                    "GET", "/cp/tenants/config", token: secrets.adminToken, org: org.id.text
                ).json
            }
            try await service.platform.database.execute(
                "UPDATE orgs SET status = 'running', created_at = now() - interval '1 year'")
            #expect(try await config()["MOLECULE_LLM_CREDITS_STATE"] == nil, "free: no credits")
            try await service.platform.database.execute("UPDATE orgs SET plan = 'starter'")
            #expect(try await config()["MOLECULE_LLM_CREDITS_REMAINING"] == .string("5000000"))
            #expect(try await config()["MOLECULE_LLM_CREDITS_STATE"] == .string("ok"))
            try await service.use(org.id, credits: 6_000_000)
            #expect(try await config()["MOLECULE_LLM_CREDITS_REMAINING"] == .string("0"))
            #expect(try await config()["MOLECULE_LLM_CREDITS_STATE"] == .string("exhausted"))
        }
    }
}
