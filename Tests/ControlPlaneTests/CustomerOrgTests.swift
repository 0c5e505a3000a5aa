import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct CustomerOrgTests {
    private static let oidc = [
        "OIDC_ISSUER": "http://127.0.0.1:9", "OIDC_CLIENT_ID": "id", "OIDC_CLIENT_SECRET": "secret",
    ]

    private func create(_ user: TestUser, _ slug: String, _ more: String = "") async throws
        -> TestService.Answer
    {
        try await user.send("POST", "/cp/orgs", body: #"{"slug":"\#(slug)","name":"A name"\#(more)}"#)
    }

    @Test func whoHasAcceptedTheTermsSignsUp() async throws {
        try await TestService.run(Self.oidc) { service in
            let ada = try await service.signIn("ada")
            #expect(try await ada.send("GET", "/cp/auth/terms-status").json["accepted"] == .bool(false))
            let early = try await create(ada, "acme")
            #expect(early.status == 403 && early.code == "terms_not_accepted")
            #expect(try await service.count("orgs") == 0)

            let terms = try await service.send("GET", "/cp/legal/terms", token: nil)
            let version = try #require(terms.json["version"]?.string)
            #expect(terms.json["text"]?.string?.contains("Terms of service") == true)
            let old = try await ada.send("POST", "/cp/auth/accept-terms", body: #"{"version":"1999"}"#)
            #expect(old.status == 409 && old.code == "terms_changed")
            let accepted = try await ada.send(
                "POST", "/cp/auth/accept-terms", body: #"{"version":"\#(version)"}"#)
            #expect(accepted.status == 200 && accepted.json["accepted"] == .bool(true))
            #expect(
                try await ada.send("POST", "/cp/auth/accept-terms").status == 200, "again, without a body")
            #expect(try await ada.send("GET", "/cp/auth/terms-status").json["accepted"] == .bool(true))

            let made = try await create(ada, "acme")
            #expect(made.status == 201 && made.json["status"] == .string("provisioning"), "\(made.json)")
            #expect(try await service.count("workflows") == 1)
            let list = try await ada.send("GET", "/cp/orgs")
            let org = try #require(list.json["orgs"]?.array?.first?.object)
            #expect(
                Set(org.keys) == [
                    "id", "slug", "name", "plan", "status", "created_at", "updated_at", "credits_balance",
                    "plan_monthly_credits", "overage_used_credits", "overage_cap_credits", "role",
                    "billing_status",
                ])
            #expect(org["plan"] == .string("free") && org["role"] == .string("owner"))
            #expect(try await service.signIn("eve").send("GET", "/cp/orgs").json["orgs"] == .array([]))
            // Another version of the terms asks again.
            try await service.platform.database.execute("UPDATE terms_acceptances SET version = 'older'")
            #expect(try await create(ada, "beta").code == "terms_not_accepted")
        }
    }

    @Test func whatCannotBePaidForOrIsReservedIsRefused() async throws {
        try await TestService.run(Self.oidc) { service in
            let ada = try await service.signIn("ada")
            _ = try await ada.send("POST", "/cp/auth/accept-terms")
            for plan in ["starter", "pro"] {
                let answer = try await create(ada, "acme", #","plan":"\#(plan)""#)
                #expect(answer.status == 422 && answer.code == "billing_not_configured")
            }
            #expect(try await create(ada, "acme", #","plan":"gold""#).code == "invalid_plan")
            #expect(try await create(ada, "api").code == "invalid_slug")
            #expect(try await create(ada, "acme", #","owner_user_id":"eve""#).code == "unknown_field")
            #expect(try await service.count("orgs") == 0)
            #expect(try await create(ada, "acme", #","plan":"free""#).status == 201)
            #expect(try await create(ada, "acme").code == "slug_taken")
        }
    }

    @Test func onePersonOwnsSoManyOrganisationsEvenAtOnce() async throws {
        try await TestService.run(Self.oidc.merging(["DATABASE_MAX_CONNECTIONS": "12"]) { $1 }) { service in
            let ada = try await service.signIn("ada")
            _ = try await ada.send("POST", "/cp/auth/accept-terms")
            for number in 0..<(MembershipStore.maximumOwned - 1) {
                _ = try await service.org("org-\(number)", owner: "ada")
            }
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<4 { group.addTask { try await create(ada, "more-\(number)").status } }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201, 409, 409, 409])
            let body = #"{"slug":"by-operator","name":"n","owner_user_id":"ada"}"#
            #expect(try await service.send("POST", "/cp/admin/orgs", body: body).status == 201)
        }
    }

    @Test func anOwnerErasesAndNobodyElse() async throws {
        try await TestCloud.run { cloud in
            try await cloud.signUp("acme")
            try await cloud.await("acme", "running")
            let service = cloud.service
            let org = try #require(
                try await OrgStore(database: service.platform.database).find(slug: Slug("acme")))
            let page = [HTTPField("Origin", service.platform.configuration.browser.url)]
            for role in [OrgRole.admin, .member, .billing] {
                try await service.add(role.rawValue, to: org, as: role)
                let refused = try await service.signIn(role.rawValue).send(
                    "DELETE", "/cp/orgs/acme", body: #"{"confirm":"acme"}"#, headers: page)
                #expect(refused.status == 403 && refused.code == "scope_missing")
            }
            #expect(
                try await service.send("DELETE", "/cp/orgs/acme", body: "{}").status == 401, "an operator")
            let owner = try await service.signIn("user-1")
            let wrong = try await owner.send(
                "DELETE", "/cp/orgs/acme", body: #"{"confirm":"other"}"#, headers: page)
            #expect(wrong.status == 400)
            let erased = try await owner.send(
                "DELETE", "/cp/orgs/acme", body: #"{"confirm":"acme"}"#, headers: page)
            #expect(erased.status == 200 && erased.json["status"] == .string("purged"), "\(erased.json)")
            #expect(try await service.count("memberships") == 0)
            #expect(try await owner.send("GET", "/cp/orgs/acme", headers: page).status == 404)
        }
    }
}
