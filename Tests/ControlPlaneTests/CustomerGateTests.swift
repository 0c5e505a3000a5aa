import CurlHTTP
import Foundation
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct CustomerGateTests {
    @Test func aMemberReachesTheirOrganisationAndNobodyElseKnowsOfIt() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", owner: "ada")
            try await service.add("mel", to: org, as: .member)
            for id in ["ada", "mel"] {
                let seen = try await service.signIn(id).send("GET", "/cp/orgs/acme")
                #expect(seen.status == 200 && seen.json["id"] == .string(org.id.text))
            }
            let stranger = try await service.signIn("eve")
            let hidden = try await stranger.send("GET", "/cp/orgs/acme")
            let missing = try await stranger.send("GET", "/cp/orgs/nothing")
            #expect(hidden.status == 404 && hidden.code == "org_not_found")
            #expect(missing.status == 404 && missing.code == "org_not_found")
        }
    }

    @Test func withoutALivingSessionNothingOpens() async throws {
        try await TestService.run { service in
            _ = try await service.org("acme", owner: "ada")
            let ada = try await service.signIn("ada")
            let twice = HTTPField("Cookie", "\(ada.cookie); \(ada.cookie)")
            let key = HTTPField("Authorization", "Bearer something-or-other")
            let wrong = HTTPField("Cookie", ada.cookie.dropLast(4) + "0000")
            for headers in [[], [twice], [wrong], [key, HTTPField("Cookie", ada.cookie)]] {
                let answer = try await service.send("GET", "/cp/orgs/acme", token: nil, headers: headers)
                #expect(answer.status == 401 && answer.code == "unauthenticated", "\(headers)")
            }
            let database = service.platform.database
            #expect(try await ada.send("GET", "/cp/orgs/acme").status == 200)
            try await database.execute("UPDATE sessions SET last_used_at = now() - interval '8 days'")
            #expect(try await ada.send("GET", "/cp/orgs/acme").status == 401)
            try await database.execute(
                "UPDATE sessions SET last_used_at = now(), expires_at = now() - interval '1 second'")
            #expect(try await ada.send("GET", "/cp/orgs/acme").status == 401)
        }
    }

    @Test func aSessionsUseIsWrittenAtMostOnceAMinute() async throws {
        try await TestService.run { service in
            _ = try await service.org("acme", owner: "ada")
            let ada = try await service.signIn("ada")
            let database = service.platform.database
            func age() async throws -> Double {
                try await database.query(
                    "SELECT extract(epoch FROM now() - last_used_at)::float8 AS age FROM sessions")[0]["age"]
            }
            try await database.execute("UPDATE sessions SET last_used_at = now() - interval '50 seconds'")
            #expect(try await ada.send("GET", "/cp/orgs/acme").status == 200)
            #expect(try await age() > 49)
            try await database.execute("UPDATE sessions SET last_used_at = now() - interval '70 seconds'")
            #expect(try await ada.send("GET", "/cp/orgs/acme").status == 200)
            #expect(try await age() < 30)
        }
    }

    @Test func theFounderIsAnOwnerAsSoonAsTheOrganisationExists() async throws {
        try await TestService.run { service in
            let body = #"{"slug":"acme","name":"Acme","owner_user_id":"ada"}"#
            #expect(try await service.send("POST", "/cp/admin/orgs", body: body).status == 201)
            let ada = try await service.signIn("ada")
            let status = try await ada.send("GET", "/cp/orgs/acme/provision-status")
            #expect(status.status == 200 && status.json["status"] == .string("provisioning"))
        }
    }
}
