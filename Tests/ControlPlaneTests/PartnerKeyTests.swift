import Foundation
import Postgres
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct PartnerKeyTests {
    @Test func aKeyHasTheShapeThatClientsExpect() async throws {
        try await TestService.run { service in
            let org = try await service.launchedOrg(slug: "acme").org
            let issued = try await service.issueKey(scopes: [.readOrgs, .createOrgs], org: org, rateLimit: 5)
            #expect(issued.status == 201, "\(issued.json)")
            let key = try #require(issued.json["key"]?.string)
            #expect(key.wholeMatch(of: /mol_pk_live_[0-9a-f]{32}/) != nil)
            #expect(issued.json["key_prefix"] == .string(String(key.prefix(16))))
            #expect(issued.json["scopes"] == .array([.string("orgs:create"), .string("orgs:read")]))
            #expect(issued.json["org_id"] == .string(org.id.text))
            #expect(issued.json["rate_limit"] == .number(5))
            #expect(issued.json["expires_at"]?.string != nil)
            let list = try await service.send("GET", "/cp/admin/partner-keys")
            let listed = try #require(list.json["partner_keys"]?.array?.first?.object)
            #expect(listed["key"] == nil && listed["id"] == issued.json["id"])
            #expect(try await service.count("audit.entries WHERE action = 'partner_key.issued'") == 1)
        }
    }

    @Test func aKeyOpensItsOrganisationByItsScopes() async throws {
        try await TestService.run { service in
            let org = try await service.launchedOrg(slug: "acme").org
            _ = try await service.launchedOrg(slug: "other-org")
            let key = try await service.issueKey(scopes: [.readOrgs], org: org).json["key"]?.string
            #expect(try await service.send("GET", "/cp/orgs/acme", token: key).status == 200)
            let scope = try await service.send("GET", "/cp/orgs/acme/provision-status", token: key)
            #expect(scope.status == 403 && scope.code == "scope_missing")
            #expect(scope.json["scope"] == .string("provision:status"))
            let others = try await service.send("GET", "/cp/orgs/other-org", token: key)
            let nobodys = try await service.send("GET", "/cp/orgs/nobody", token: key)
            #expect(others.status == 404 && others.code == "org_not_found")
            #expect(nobodys.status == 404 && nobodys.code == "org_not_found")
            #expect(try await service.send("GET", "/cp/admin/orgs", token: key).status == 401)
        }
    }

    /// Without an organisation of its own a key reaches what its partner has made, and nobody else's.
    @Test func aPartnersKeyReachesWhatThePartnerCreated() async throws {
        try await TestService.run { service in
            let database = service.platform.database
            for (slug, partner) in [("ours", "partner-1"), ("theirs", "partner-2"), ("nobodys", nil)] {
                let org = try await service.launchedOrg(slug: slug).org
                try await database.execute(
                    "UPDATE orgs SET partner_id = \(partner) WHERE id = \(org.id)")
            }
            let key = try await service.issueKey(scopes: [.readOrgs]).json["key"]?.string
            #expect(try await service.send("GET", "/cp/orgs/ours", token: key).status == 200)
            #expect(try await service.send("GET", "/cp/orgs/theirs", token: key).status == 404)
            #expect(try await service.send("GET", "/cp/orgs/nobodys", token: key).status == 404)
        }
    }

    @Test func aPartnerCreatesOrganisationsAndListsItsOwn() async throws {
        try await TestService.run { service in
            let scopes: [Scope] = [.createOrgs, .readOrgs]
            let key = try await service.issueKey(scopes: scopes).json["key"]?.string
            let other = try await service.issueKey(partner: "partner-2", scopes: scopes).json["key"]?.string
            let body = #"{"slug":"acme","name":"Acme"}"#
            #expect(try await service.send("POST", "/cp/orgs", token: key, body: body).status == 201)
            #expect(try await service.send("GET", "/cp/orgs/acme", token: key).status == 200)
            #expect(try await service.send("GET", "/cp/orgs/acme", token: other).status == 404)
            let mine = try await service.send("GET", "/cp/orgs", token: key).json["orgs"]?.array
            #expect(mine?.count == 1 && mine?[0].object?["slug"] == .string("acme"))
            #expect(try await service.send("GET", "/cp/orgs", token: other).json["orgs"] == .array([]))
            let org = try await service.launchedOrg(slug: "bound-org").org
            let bound = try await service.issueKey(scopes: scopes, org: org).json["key"]?.string
            let more = #"{"slug":"more","name":"More"}"#
            let refused = try await service.send("POST", "/cp/orgs", token: bound, body: more)
            #expect(refused.status == 403 && refused.code == "key_of_one_org")
            #expect(try await service.send("GET", "/cp/orgs", token: bound).json["orgs"]?.array?.count == 1)
        }
    }

    @Test func aRevokedKeyIsUnknownAndAnExpiredOneIsToldSo() async throws {
        try await TestService.run { service in
            let org = try await service.launchedOrg(slug: "acme").org
            let issued = try await service.issueKey(scopes: [.readOrgs], org: org)
            let (key, id) = (issued.json["key"]?.string, issued.json["id"]?.string ?? "")
            let database = service.platform.database
            try await database.execute("UPDATE credentials SET expires_at = now() - interval '1 second'")
            let expired = try await service.send("GET", "/cp/orgs/acme", token: key)
            #expect(expired.status == 401 && expired.json["detail"] == .string("API key expired"))
            #expect(try await service.send("DELETE", "/cp/admin/partner-keys/\(id)").status == 204)
            let revoked = try await service.send("GET", "/cp/orgs/acme", token: key)
            #expect(revoked.status == 401 && revoked.code == "unauthenticated")
            let list = try await service.send("GET", "/cp/admin/partner-keys")
            #expect(list.json["partner_keys"] == .array([]))
            // An operator's token is no partner's key, whatever its id.
            let other = try await service.issueOperator("o", role: "read").json["id"]?.string ?? ""
            #expect(try await service.send("DELETE", "/cp/admin/partner-keys/\(other)").status == 404)
        }
    }

    @Test func overItsOwnLimitAKeyIsToldWhenToComeBack() async throws {
        try await TestService.run { service in
            let org = try await service.launchedOrg(slug: "acme").org
            let key = try await service.issueKey(scopes: [.readOrgs], org: org, rateLimit: 3)
                .json["key"]?.string
            let other = try await service.issueKey(scopes: [.readOrgs], org: org).json["key"]?.string
            for _ in 0..<3 {
                #expect(try await service.send("GET", "/cp/orgs/acme", token: key).status == 200)
            }
            let refused = try await service.send("GET", "/cp/orgs/acme", token: key)
            #expect(refused.status == 429 && refused.code == "rate_limited")
            let seconds = try #require(refused.json["retry_after"]?.number)
            #expect((1...120).contains(seconds))
            #expect(refused.headers.header("Retry-After") == "\(seconds)")
            #expect(try await service.send("GET", "/cp/orgs/acme", token: other).status == 200)
        }
    }

    @Test func badOrdersAreExplained() async throws {
        try await TestService.run { service in
            let base = #""name":"n","partner_id":"p""#
            for (body, status, code) in [
                ("{\(base),\"scopes\":[]}", 400, "invalid_scopes"),
                ("{\(base),\"scopes\":[\"orgs:all\"]}", 400, "invalid_scopes"),
                ("{\(base),\"scopes\":[\"orgs:read\"],\"org_id\":\"x\"}", 400, "invalid_org_id"),
                ("{\(base),\"scopes\":[\"orgs:read\"],\"org_id\":\"\(UUID().text)\"}", 404, "org_not_found"),
                ("{\(base),\"scopes\":[\"orgs:read\"],\"rate_limit\":0}", 400, "invalid_rate_limit"),
                (
                    "{\"name\":\"n\",\"partner_id\":\"\",\"scopes\":[\"orgs:read\"]}", 400,
                    "invalid_partner_id"
                ),
            ] {
                let answer = try await service.send("POST", "/cp/admin/partner-keys", body: body)
                #expect(answer.status == status && answer.code == code, "\(body)")
            }
            #expect(try await service.count("credentials") == 0)
        }
    }

    @Test func anErasedOrganisationsKeysOpenNothing() async throws {
        try await TestService.run { service in
            let org = try await service.launchedOrg(slug: "acme").org
            let key = try await service.issueKey(scopes: [.readOrgs], org: org).json["key"]?.string
            try await service.platform.database.transaction { transaction in
                try await Teardowns(fleet: service.platform.fleet)
                    .purge(org: org.id, by: .service("test"), in: transaction)
            }
            #expect(try await service.send("GET", "/cp/orgs/acme", token: key).status == 401)
        }
    }
}
