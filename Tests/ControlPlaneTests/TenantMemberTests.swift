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

@Suite(.serialized) struct TenantMemberTests {
    private static let oidc = [
        "OIDC_ISSUER": "http://127.0.0.1:9", "OIDC_CLIENT_ID": "id", "OIDC_CLIENT_SECRET": "secret",
    ]

    @Test func aTenantLearnsWhoMayEnter() async throws {
        try await TestService.run(Self.oidc) { service in
            let org = try await service.org("acme", owner: "ada")
            try await service.add("mel", to: org, as: .billing)
            let people = try await [service.signIn("ada"), service.signIn("mel"), service.signIn("eve")]
            for person in people {
                let answer = try await person.send("GET", "/cp/auth/tenant-member?slug=acme", headers: [])
                #expect(
                    answer.json == ["member": .bool(person.id != "eve"), "user_id": .string(person.id)])
                let other = try await person.send("GET", "/cp/auth/tenant-member?slug=other")
                #expect(other.status == 200 && other.json["member"] == .bool(false))
                let me = try await person.send(
                    "GET", "/cp/auth/me", headers: [HTTPField("X-Molecule-Org-Id", org.id.text)])
                #expect(me.json["org_id"] == (person.id == "eve" ? .null : .string(org.id.text)))
            }
            #expect(
                try await service.send("GET", "/cp/auth/tenant-member?slug=acme", token: nil).status == 401)
            #expect(try await people[0].send("GET", "/cp/auth/tenant-member").code == "invalid_slug")
            try await service.platform.database.execute("UPDATE orgs SET status = 'purged'")
            let gone = try await people[0].send("GET", "/cp/auth/tenant-member?slug=acme")
            #expect(gone.json["member"] == .bool(false))
        }
    }

    /// A tenant waits for 3 s: a database that does not answer must not take longer.
    @Test(arguments: ["memberships", "sessions"])
    func aTenantIsAnsweredInTimeWhateverTheDatabaseDoes(_ table: String) async throws {
        try await TestService.run(Self.oidc) { service in
            _ = try await service.org("acme", owner: "ada")
            let ada = try await service.signIn("ada")
            let database = service.platform.database
            try await database.transaction { transaction in
                try await transaction.execute("LOCK TABLE \(identifier: table) IN ACCESS EXCLUSIVE MODE")
                let answer = try await ada.send("GET", "/cp/auth/tenant-member?slug=acme")
                #expect(answer.status == 503 && answer.code == "database_busy", "\(answer.json)")
            }
            #expect(try await ada.send("GET", "/cp/auth/tenant-member?slug=acme").status == 200)
        }
    }

    /// Its two statements, each as late as it may be, come before the tenant has given up.
    @Test func itsLimitsTogetherAreShorterThanTheTenantWaits() {
        #expect((QuickReads.waitLimit + QuickReads.statementTimeout) * 2 < .seconds(3))
    }

    @Test func tenThousandOrganisationsMakeNoDifference() async throws {
        try await TestService.run(Self.oidc) { service in
            let database = service.platform.database
            try await database.execute(
                """
                INSERT INTO users (id, email)
                SELECT 'user-' || n, n || '@x.example' FROM generate_series(1, 10000) n
                """
            )
            try await database.execute(
                """
                INSERT INTO orgs (id, slug, name, owner_user_id, status)
                SELECT gen_random_uuid(), 'org-' || n, 'n', 'user-' || n, 'running'
                FROM generate_series(1, 10000) n
                """)
            try await database.execute(
                """
                INSERT INTO memberships (org_id, user_id, role)
                SELECT id, 'user-' || (substr(slug, 5)::int + k - 1) % 10000 + 1, 'member'
                FROM orgs, generate_series(1, 5) k
                """)
            try await database.execute("ANALYZE")
            let user = try await service.signIn("user-5000")
            var times: [Double] = []
            for number in 0..<500 {
                let slug = number % 2 == 0 ? "org-4999" : "org-\(1 + number * 19 % 4000)"
                let start = ContinuousClock.now
                let answer = try await user.send("GET", "/cp/auth/tenant-member?slug=\(slug)")
                times.append((ContinuousClock.now - start) / .milliseconds(1))
                #expect(answer.json["member"] == .bool(number % 2 == 0), "\(slug)")
            }
            times.sort()
            print(
                "tenant-member at 10,000 organisations, 50,000 memberships: p50 \(rounded(times[250])) ms,",
                "p99 \(rounded(times[494])) ms, most \(rounded(times[499])) ms (debug build, one at a time)")
        }
    }

    private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
