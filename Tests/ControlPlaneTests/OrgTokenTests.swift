import Foundation
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct OrgTokenTests {
    private func order(_ scopes: [Scope], days: Int? = nil) -> String {
        let names = scopes.map { #""\#($0.rawValue)""# }.joined(separator: ",")
        return #"{"name":"ci","scopes":[\#(names)],"expires_in_days":\#(days.map { "\($0)" } ?? "null")}"#
    }

    @Test func membersWhoMayIssueListAndRevokeTokensOfTheirOrganisation() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", owner: "ada")
            try await service.add("mel", to: org, as: .member)
            _ = try await service.org("other-org", owner: "eve")
            let ada = try await service.signIn("ada")
            let path = "/cp/orgs/acme/tokens"
            let issued = try await ada.send("POST", path, body: order([.readOrgs], days: 7))
            #expect(issued.status == 201, "\(issued.json)")
            let token = try #require(issued.json["token"]?.string)
            #expect(token.hasPrefix("mol_ot_") && issued.json["org_id"] == .string(org.id.text))
            #expect(try await service.send("GET", "/cp/orgs/acme", token: token).status == 200)
            #expect(try await service.send("GET", "/cp/orgs/other-org", token: token).status == 404)
            #expect(try await service.send("GET", path, token: token).status == 403)

            let listed = try await ada.send("GET", path).json["tokens"]?.array
            #expect(listed?.count == 1 && listed?[0].object?["token"] == nil)
            #expect(listed?[0].object?["created_by"] == .string("ada"))
            let mel = try await service.signIn("mel")
            #expect(try await mel.send("POST", path, body: order([.readOrgs])).code == "scope_missing")
            #expect(try await mel.send("GET", path).status == 403)
            let id = try #require(issued.json["id"]?.string)
            let eve = try await service.signIn("eve")
            #expect(try await eve.send("DELETE", "/cp/orgs/other-org/tokens/\(id)").status == 404)
            #expect(try await eve.send("DELETE", path + "/" + id).status == 404)
            #expect(try await service.send("GET", "/cp/orgs/acme", token: token).status == 200)
            #expect(try await ada.send("DELETE", path + "/" + id).status == 204)
            #expect(try await service.send("GET", "/cp/orgs/acme", token: token).status == 401)
            #expect(try await service.count("audit.entries WHERE action = 'org_token.revoked'") == 1)
        }
    }

    @Test func noTokenCarriesMoreThanItsIssuerMayOrOutlivesIt() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", owner: "ada")
            try await service.add("abe", to: org, as: .admin)
            let path = "/cp/orgs/acme/tokens"
            let abe = try await service.signIn("abe")
            let wider = try await abe.send("POST", path, body: order([.readOrgs, .deleteOrgs]))
            #expect(wider.status == 403 && wider.json["scope"] == .string("orgs:delete"))
            let ada = try await service.signIn("ada")
            #expect(try await ada.send("POST", path, body: order([.createOrgs])).status == 403)
            let issuer = try await ada.send("POST", path, body: order([.manageKeys, .readOrgs], days: 10))
            let token = issuer.json["token"]?.string
            for (scopes, days, status) in [
                ([Scope.readOrgs], 5, 201), ([.readOrgs], 11, 400), ([.readOrgs], nil, 400),
                ([.exportOrgs], 5, 403),
            ] as [([Scope], Int?, Int)] {
                let answer = try await service.send(
                    "POST", path, token: token, body: order(scopes, days: days))
                #expect(answer.status == status, "\(scopes) \(days ?? 0): \(answer.json)")
            }
            #expect(try await service.count("credentials") == 2)
        }
    }

    @Test func anOrganisationHasSoManyTokensAtMost() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", owner: "ada")
            let store = CredentialStore(database: service.platform.database)
            for number in 1..<OrgTokenRoutes.maximumTokens {
                let new = CredentialStore.New(
                    name: "t\(number)", scopes: [.readOrgs], orgID: org.id, createdBy: "ada")
                _ = try await store.insert(new, .random(.org))
            }
            let ada = try await service.signIn("ada")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await ada.send("POST", "/cp/orgs/acme/tokens", body: order([.readOrgs])).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.sorted() == [201, 409, 409, 409])
        }
    }
}
