import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct CreditRouteTests {
    private static let month = Month(containing: Date())

    @Test func customersSeeTheirCredits() async throws {
        try await TestService.run { service in
            let acme = try await service.org("acme", plan: "pro", owner: "ada")
            _ = try await service.org("beta", plan: "starter", owner: "ada")
            _ = try await service.org("gamma", plan: "free", owner: "ada")
            try await service.use(acme.id, millicredits: 25_000_007_999)
            let ada = try await service.signIn("ada")
            let list = try #require(try await ada.send("GET", "/cp/orgs").json["orgs"]?.array)
            func credits(_ index: Int) -> [Int?] {
                let org = list[index].object ?? [:]
                return [
                    "credits_balance", "plan_monthly_credits", "overage_used_credits", "overage_cap_credits",
                ].map { org[$0]?.number }
            }
            #expect(credits(0) == [0, 25_000_000, 7, 25_000_000])
            #expect(credits(1) == [5_000_000, 5_000_000, 0, 0] && credits(2) == [0, 0, 0, 0])
            let shown = try await ada.send("GET", "/cp/orgs/acme").json
            #expect(shown == list[0].object)
            let view = try await ada.send("GET", "/cp/orgs/acme/credits").json
            #expect(view["month"] == .string(Self.month.text) && view["state"] == .string("overage"))
            #expect(view["used_millicredits"]?.number == 25_000_007_999)
            #expect(view["credits_remaining"]?.number == 24_999_993)
            #expect(try await ada.send("GET", "/cp/orgs/acme/credits?month=2020-01").status == 200)
            for month in ["2099-01", "1", "2026-13", "2026-01-01"] {
                #expect(try await ada.send("GET", "/cp/orgs/acme/credits?month=\(month)").status == 400)
            }
        }
    }

    @Test func whoManagesBillingSetsTheCap() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", plan: "pro")
            try await service.add("payer", to: org, as: .billing)
            try await service.add("member", to: org, as: .member)
            let payer = try await service.signIn("payer")
            let path = "/cp/orgs/acme/overage-cap"
            let set = try await payer.send("PATCH", path, body: #"{"credits":500}"#)
            #expect(set.status == 200 && set.json["overage_cap_credits"]?.number == 500)
            #expect(set.json["own_overage_cap_credits"]?.number == 500)
            #expect(try await payer.send("PATCH", path, body: #"{"credits":500}"#).status == 200)
            let cleared = try await payer.send("PATCH", path, body: #"{"credits":null}"#)
            #expect(cleared.json["overage_cap_credits"]?.number == 25_000_000)
            for body in ["{}", #"{"credits":-1}"#, #"{"credits":1000000000001}"#, #"{"credits":1.5}"#] {
                #expect(try await payer.send("PATCH", path, body: body).status == 400, "\(body)")
            }
            let member = try await service.signIn("member")
            #expect(try await member.send("PATCH", path, body: #"{"credits":1}"#).code == "scope_missing")
            let audit = try await service.send(
                "GET", "/cp/admin/audit?org=acme&action=org.overage_cap_changed")
            #expect(audit.json["entries"]?.array?.count == 2, "what changed nothing is not recorded")
        }
    }

    @Test func operatorsGiveCreditsOnce() async throws {
        try await TestService.run { service in
            _ = try await service.org("acme", plan: "starter")
            let path = "/cp/admin/orgs/acme/credits"
            let body = #"{"credits":1000,"key":"ticket-7","note":"an outage"}"#
            let given = try await service.send("POST", path, body: body)
            #expect(given.status == 201 && given.json["granted_credits"]?.number == 5_001_000)
            let again = try await service.send("POST", path, body: body)
            #expect(again.status == 200 && again.json["granted_credits"]?.number == 5_001_000)
            let grants = again.json["grants"]?.array?.compactMap { $0.object?["kind"]?.string }
            #expect(grants == ["monthly", "adjustment"])
            let tooMuch = try await service.send(
                "POST", path, body: #"{"credits":-6000000,"key":"ticket-8"}"#)
            #expect(tooMuch.status == 409 && tooMuch.code == "too_few_credits")
            for body in [#"{"credits":0,"key":"k"}"#, #"{"credits":1,"key":""}"#, #"{"credits":1}"#] {
                #expect(try await service.send("POST", path, body: body).status == 400, "\(body)")
            }
            #expect(
                try await service.send("POST", "/cp/admin/orgs/nobody/credits", body: body).status == 404)
            let audit = try await service.send("GET", "/cp/admin/audit?org=acme&action=credits.adjusted")
            #expect(audit.json["entries"]?.array?.count == 1)
        }
    }
}
