import Foundation
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// Quotas: refused before anything is created, spread over the places, and shown with what is left.
@Suite struct CapacityTests {
    private static let places = """
        [{"account_id":"a1","zone_id":"z1","domain":"one.example","maximum_tunnels":2,"maximum_records":9},
         {"account_id":"a2","zone_id":"z2","domain":"two.example","api_token":"other-token",
          "maximum_tunnels":9,"maximum_records":1}]
        """

    private func signUp(_ service: TestService, _ slug: String) async throws -> TestService.Answer {
        try await service.send(
            "POST", "/cp/admin/orgs", body: #"{"slug":"\#(slug)","name":"n","owner_user_id":"u"}"#)
    }

    @Test func aSignupTakesThePlaceWithTheMostRoomAndIsRefusedWhenAllAreFull() async throws {
        let settings = ["CLOUDFLARE_PLACES": Self.places, "EC2_SUBNET_ID": "subnet-1,subnet-2"]
        try await TestService.run(settings) { service in
            for slug in ["one", "two", "three"] {
                let answer = try await signUp(service, slug)
                #expect(answer.status == 201)
                #expect(answer.json["estimated_ready_at"]?.string != nil)
            }
            let refused = try await signUp(service, "four")
            #expect(refused.status == 503 && refused.code == "no_capacity")
            #expect(refused.json["detail"]?.string?.contains("Nothing was created") == true)
            #expect(try await service.count("orgs") == 3)

            let rows = try await service.platform.database.query(
                "SELECT cloudflare_account_id AS a, subnet_id AS s FROM tenants ORDER BY 1, 2")
            let places = try rows.map { try $0["a", as: String.self] }
            #expect(places == ["a1", "a1", "a2"])
            #expect(Set(try rows.map { try $0["s", as: String.self] }) == ["subnet-1", "subnet-2"])
        }
    }

    /// Its closing time is infinitely long ago.
    @Test func aBucketThatWasNeverThrottledIsShown() async throws {
        try await TestService.run { service in
            try await service.platform.database.execute(
                "INSERT INTO provider_buckets (name, full_at, admitted) VALUES ('ec2.Describe', now(), 3)")
            let answer = try await service.send("GET", "/cp/admin/capacity")
            #expect(answer.status == 200)
            let bucket = answer.json["buckets"]?.array?.first?.object
            #expect(bucket?["admitted"]?.number == 3 && bucket?["blocked_seconds"]?.number == 0)
        }
    }

    @Test func theRegionsVCPUsAreAQuotaToo() async throws {
        try await TestService.run(["EC2_MAXIMUM_VCPUS": "3"]) { service in
            #expect(try await signUp(service, "one").status == 201)
            let refused = try await signUp(service, "two")
            #expect(refused.code == "no_capacity" && refused.json["quota"] == .string("vcpus"))
        }
    }

    @Test func capacityShowsUseHeadroomAndDays() async throws {
        try await TestService.run(["CLOUDFLARE_PLACES": Self.places]) { service in
            _ = try await signUp(service, "one")
            let answer = try await service.send("GET", "/cp/admin/capacity")
            #expect(answer.status == 200)
            let quotas = answer.json["quotas"]?.array?.compactMap(\.object) ?? []
            let vcpus = try #require(quotas.first { $0["name"] == .string("ec2 vcpus") })
            #expect(vcpus["used"] == .number(2) && vcpus["headroom"] == .number(19_998))
            let tunnels = quotas.filter { $0["name"]?.string?.contains("tunnels") == true }
            #expect(tunnels.compactMap { $0["used"] } == [.number(1), .number(0)])
            #expect(quotas.allSatisfy { $0["days_to_exhaustion"] != nil })
        }
    }

    @Test(arguments: [
        ("t3.medium", 2), ("m7g.large", 2), ("m7g.xlarge", 4), ("m7g.2xlarge", 8), ("c7i.24xlarge", 96),
    ])
    func vcpusFollowFromTheSize(type: String, vcpus: Int) {
        #expect(InstanceType.vcpus(of: type) == vcpus)
    }
}
