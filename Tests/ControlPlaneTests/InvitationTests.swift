import CurlHTTP
import Foundation
import TestSupport
import Testing
import WireText

@testable import Billing
@testable import Digests
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct InvitationTests {
    private static let oidc = [
        "OIDC_ISSUER": "http://127.0.0.1:9", "OIDC_CLIENT_ID": "id", "OIDC_CLIENT_SECRET": "secret",
        "APP_URL": "https://app.tenants.example",
    ]

    private func invite(
        _ inviter: TestUser, _ email: String, _ role: String = "member"
    ) async throws -> TestService.Answer {
        try await inviter.send(
            "POST", "/cp/orgs/acme/invitations", body: #"{"email":"\#(email)","role":"\#(role)"}"#)
    }

    private func accept(_ user: TestUser, _ token: String) async throws -> TestService.Answer {
        try await user.send("POST", "/cp/auth/accept-invitation", body: #"{"token":"\#(token)"}"#)
    }

    @Test func aLinkLetsInWhomItIsForAndOnce() async throws {
        try await TestService.run(Self.oidc) { service in
            let org = try await service.org("acme", owner: "ada")
            let ada = try await service.signIn("ada")
            let made = try await invite(ada, "Bob@People.example", "billing")
            #expect(made.status == 201 && made.json["email"] == .string("bob@people.example"))
            let token = try #require(made.json["token"]?.string)
            #expect(made.json["url"] == .string("https://app.tenants.example/invitation#\(token)"))
            let stored = try await service.platform.database.query(
                "SELECT encode(token_hash, 'hex') AS hash FROM invitations")
            #expect(try stored[0]["hash", as: String.self] == TokenHash(of: token).bytes.hex)

            let list = try await ada.send("GET", "/cp/orgs/acme/invitations")
            let open = try #require(list.json["invitations"]?.array?.first?.object)
            #expect(open["role"] == .string("billing") && open["token"] == nil && open["url"] == nil)
            #expect(open["invited_by"] == .string("ada"))

            let eve = try await service.signIn("eve")
            #expect(try await accept(eve, token).code == "other_address")
            let unverified = try await service.signIn(
                "mallory", email: "bob@people.example", isVerified: false)
            #expect(try await accept(unverified, token).code == "other_address")
            let bob = try await service.signIn("bob", email: "BOB@people.example")
            let joined = try await accept(bob, token)
            #expect(joined.status == 200 && joined.json["org_id"] == .string(org.id.text))
            #expect(try await bob.send("GET", "/cp/orgs/acme").json["role"] == .string("billing"))
            #expect(try await accept(bob, token).code == "invitation_not_found")
            #expect(try await ada.send("GET", "/cp/orgs/acme/invitations").json["invitations"] == .array([]))
        }
    }

    @Test func aLinkThatIsNotOpenIsNone() async throws {
        try await TestService.run(Self.oidc) { service in
            _ = try await service.org("acme", owner: "ada")
            let (ada, bob) = (try await service.signIn("ada"), try await service.signIn("bob"))
            let first = try await invite(ada, "bob@people.example")
            let second = try await invite(ada, "bob@people.example")
            #expect(try await accept(bob, first.json["token"]?.string ?? "").status == 404, "replaced")
            let id = try #require(second.json["id"]?.string)
            #expect(try await ada.send("DELETE", "/cp/orgs/acme/invitations/\(id)").status == 204)
            #expect(try await ada.send("DELETE", "/cp/orgs/acme/invitations/\(id)").status == 404)
            #expect(try await accept(bob, second.json["token"]?.string ?? "").status == 404, "revoked")
            let third = try await invite(ada, "bob@people.example")
            try await service.platform.database.execute("UPDATE invitations SET expires_at = now()")
            #expect(try await accept(bob, third.json["token"]?.string ?? "").status == 404, "expired")
            for token in ["", "x", String(repeating: "0", count: 64)] {
                #expect(try await accept(bob, token).code == "invitation_not_found")
            }
            let fourth = try await invite(ada, "bob@people.example")
            try await service.platform.database.execute("UPDATE orgs SET status = 'purged'")
            #expect(try await accept(bob, fourth.json["token"]?.string ?? "").status == 404, "deleted")
            #expect(try await service.count("memberships") == 1)
        }
    }

    @Test func onlyWhoMayInvites() async throws {
        try await TestService.run(Self.oidc) { service in
            let org = try await service.org("acme", owner: "ada")
            for role in OrgRole.allCases where role != .owner {
                try await service.add(role.rawValue, to: org, as: role)
            }
            let admin = try await service.signIn("admin")
            #expect(try await invite(admin, "x@people.example").status == 201)
            #expect(try await invite(admin, "y@people.example", "owner").code == "owner_required")
            for name in ["member", "billing"] {
                let user = try await service.signIn(name)
                #expect(try await invite(user, "z@people.example").code == "scope_missing")
                #expect(try await user.send("GET", "/cp/orgs/acme/invitations").status == 403)
            }
            #expect(try await invite(try await service.signIn("eve"), "z@people.example").status == 404)
            for email in ["", "x", "@x.example", "x@", "x@y", "a@b@c.example", "a b@c.example", "x@.example"]
            {
                #expect(try await invite(admin, email).code == "invalid_email", "\(email)")
            }
        }
    }

    @Test func invitationsAndMembersHaveALimit() async throws {
        try await TestService.run(Self.oidc) { service in
            let org = try await service.org("acme", owner: "ada")
            let (ada, bob) = (try await service.signIn("ada"), try await service.signIn("bob"))
            let made = try await invite(ada, "bob@people.example")
            try await service.platform.database.execute(
                """
                INSERT INTO users (id) SELECT 'crowd-' || n FROM generate_series(1, 999) n;
                """)
            try await service.platform.database.execute(
                """
                INSERT INTO memberships (org_id, user_id, role)
                SELECT \(org.id), 'crowd-' || n, 'member' FROM generate_series(1, 999) n
                """)
            let full = try await accept(bob, made.json["token"]?.string ?? "")
            #expect(full.status == 409 && full.code == "too_many_members")
            try await service.platform.database.execute("DELETE FROM memberships WHERE user_id = 'crowd-1'")
            #expect(try await accept(bob, made.json["token"]?.string ?? "").status == 200)
            try await service.platform.database.execute(
                """
                INSERT INTO invitations (id, org_id, email, role, token_hash, invited_by, expires_at)
                SELECT gen_random_uuid(), \(org.id), n || '@people.example', 'member',
                    sha256(n::text::bytea), 'ada', now() + interval '1 day' FROM generate_series(1, 100) n
                """)
            #expect(try await invite(ada, "one@more.example").code == "too_many_invitations")
        }
    }
}
