import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

@Suite struct MemberTests {
    /// An organisation with somebody of every role, and somebody who does not belong to it.
    private func withPeople(
        _ body: @Sendable @escaping (TestService, Org, [String: TestUser]) async throws -> Void
    ) async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", owner: "owner")
            for role in OrgRole.allCases where role != .owner {
                try await service.add(role.rawValue, to: org, as: role)
            }
            var people: [String: TestUser] = [:]
            for name in OrgRole.allCases.map(\.rawValue) + ["stranger"] {
                people[name] = try await service.signIn(name)
            }
            try await body(service, org, people)
        }
    }

    private func roles(_ service: TestService) async throws -> [String: String] {
        let rows = try await service.platform.database.query("SELECT user_id, role FROM memberships")
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0["user_id"], try $0["role"]) })
    }

    @Test func everyMemberSeesTheOthers() async throws {
        try await withPeople { service, _, people in
            for (name, person) in people {
                let answer = try await person.send("GET", "/cp/orgs/acme/members")
                guard name != "stranger" else {
                    #expect(answer.status == 404 && answer.code == "org_not_found")
                    continue
                }
                let members = answer.json["members"]?.array?.compactMap(\.object) ?? []
                #expect(members.count == 4)
                #expect(members.contains { $0["email"] == .string("billing@people.example") })
            }
        }
    }

    /// As one that was adopted, which nobody belongs to.
    @Test func anOperatorGivesAnOrganisationAnOwner() async throws {
        try await withPeople { service, org, people in
            try await service.platform.database.execute("DELETE FROM memberships")
            let path = "/cp/admin/orgs/acme/owners"
            for user in ["stranger", "stranger", "not-seen-yet"] {
                let answer = try await service.send("POST", path, body: #"{"user_id":"\#(user)"}"#)
                #expect(answer.status == 200 && answer.json["role"] == .string("owner"))
            }
            #expect(try await roles(service) == ["stranger": "owner", "not-seen-yet": "owner"])
            let list = try #require(people["stranger"])
            #expect(try await list.send("GET", "/cp/orgs/acme/members").status == 200)
            for body in [#"{"user_id":""}"#, "{}", #"{"user_id":"a","role":"member"}"#] {
                #expect(try await service.send("POST", path, body: body).status == 400, "\(body)")
            }
            let other = try await service.send(
                "POST", "/cp/admin/orgs/nobody/owners", body: #"{"user_id":"a"}"#)
            #expect(other.status == 404)
            let owners = try await service.platform.database.query(
                "SELECT DISTINCT subject FROM audit.entries WHERE action = 'member.owner_set'")
            #expect(owners.count == 2)
        }
    }

    /// Who may change whom into what.
    static let changes: [(who: String, whom: String, role: String, status: Int)] = [
        ("owner", "member", "admin", 200), ("owner", "member", "owner", 200),
        ("owner", "admin", "member", 200),
        ("admin", "member", "billing", 200), ("admin", "billing", "admin", 200),
        ("admin", "member", "owner", 403), ("admin", "owner", "member", 403),
        ("admin", "admin", "owner", 403),
        ("member", "billing", "member", 403), ("member", "member", "owner", 403),
        ("billing", "member", "billing", 403), ("stranger", "member", "admin", 404),
        ("owner", "stranger", "member", 404), ("owner", "owner", "admin", 409),
    ]

    @Test func rolesChangeByTheRules() async throws {
        try await withPeople { service, org, people in
            for (who, whom, role, status) in Self.changes {
                let before = try await roles(service)
                let person = try #require(people[who])
                let answer = try await person.send(
                    "PATCH", "/cp/orgs/acme/members/\(whom)", body: #"{"role":"\#(role)"}"#)
                #expect(answer.status == status, "\(who) makes \(whom) \(role): \(answer.json)")
                let after = try await roles(service)
                #expect(after == (status == 200 ? before.merging([whom: role]) { $1 } : before))
                for (user, role) in before {
                    let role = try #require(OrgRole(rawValue: role))
                    try await MembershipStore(database: service.platform.database).setRole(
                        of: user, in: org.id, to: role)
                }
            }
            let owner = try #require(people["owner"])
            let wrong = try await owner.send(
                "PATCH", "/cp/orgs/acme/members/member", body: #"{"role":"king"}"#)
            #expect(wrong.status == 400 && wrong.code == "invalid_body")
        }
    }

    @Test func membersAreRemovedAndLeaveByTheRules() async throws {
        try await withPeople { service, _, people in
            func remove(_ who: String, _ whom: String) async throws -> Int {
                let person = try #require(people[who])
                return try await person.send("DELETE", "/cp/orgs/acme/members/\(whom)").status
            }
            func leave(_ who: String) async throws -> TestService.Answer {
                let person = try #require(people[who])
                return try await person.send("POST", "/cp/orgs/acme/leave")
            }
            #expect(try await remove("member", "billing") == 403)
            #expect(try await remove("admin", "owner") == 403)
            #expect(try await remove("admin", "nobody") == 404)
            #expect(try await remove("admin", "billing") == 204)
            let removed = try #require(people["billing"])
            #expect(try await removed.send("GET", "/cp/orgs/acme").status == 404)
            #expect(try await leave("member").status == 204)
            let last = try await leave("owner")
            #expect(last.status == 409 && last.code == "last_owner")
            #expect(try await leave("admin").status == 204)
            #expect(try await roles(service) == ["owner": "owner"])
            let log = try await service.platform.database.query(
                "SELECT actor_kind, actor_name, action, subject FROM audit.entries ORDER BY id")
            let lines = try log.map { row in
                try ["actor_kind", "actor_name", "action", "subject"].map { try row[$0, as: String.self] }
                    .joined(separator: " ")
            }
            #expect(
                lines == [
                    "user admin member.removed billing", "user member member.removed member",
                    "user admin member.removed admin",
                ])
        }
    }

    @Test func aSubjectWithSpecialCharactersIsReached() async throws {
        try await TestService.run { service in
            let org = try await service.org("acme", owner: "ada")
            try await service.add("google|12/3 %", to: org, as: .member)
            let ada = try await service.signIn("ada")
            let path = "/cp/orgs/acme/members/google%7C12%2F3%20%25"
            let changed = try await ada.send("PATCH", path, body: #"{"role":"admin"}"#)
            #expect(changed.status == 200 && changed.json["user_id"] == .string("google|12/3 %"))
            #expect(try await ada.send("DELETE", path).status == 204)
        }
    }

    /// Each of the owners leaves at the same moment, or is demoted by another: one always stays.
    @Test func oneOwnerStaysWhoeverLeavesAtOnce() async throws {
        try await TestService.run(["DATABASE_MAX_CONNECTIONS": "12"]) { service in
            let owners = try await withThrowingTaskGroup(of: TestUser.self) { group in
                for number in 0..<8 { group.addTask { try await service.signIn("owner-\(number)") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for round in 0..<10 {
                let org = try await service.org("org-\(round)", owner: owners[0].id)
                for owner in owners.dropFirst() { try await service.add(owner.id, to: org, as: .owner) }
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for (number, owner) in owners.enumerated() {
                        group.addTask {
                            let next = owners[(number + 1) % owners.count].id
                            let slug = "org-\(round)"
                            return switch number % 3 {
                            case 0: try await owner.send("POST", "/cp/orgs/\(slug)/leave").status
                            case 1: try await owner.send("DELETE", "/cp/orgs/\(slug)/members/\(next)").status
                            default:
                                try await owner.send(
                                    "PATCH", "/cp/orgs/\(slug)/members/\(next)",
                                    body: #"{"role":"member"}"#
                                ).status
                            }
                        }
                    }
                    return try await group.reduce(into: [Int]()) { $0.append($1) }
                }
                let left = try await MembershipStore(database: service.platform.database)
                    .count(org: org.id, role: .owner)
                #expect(left >= 1, "round \(round): \(statuses)")
                #expect(statuses.allSatisfy { [200, 204, 403, 404, 409].contains($0) }, "\(statuses)")
            }
        }
    }

    @Test func allOwnersWhoLeaveAtOnceLeaveOneBehind() async throws {
        try await TestService.run(["DATABASE_MAX_CONNECTIONS": "12"]) { service in
            for round in 0..<10 {
                let slug = "org-\(round)"
                let (ada, bob) = (try await service.signIn("ada"), try await service.signIn("bob"))
                let org = try await service.org(slug, owner: "ada")
                try await service.add("bob", to: org, as: .owner)
                async let one = ada.send("POST", "/cp/orgs/\(slug)/leave").status
                async let other = bob.send("POST", "/cp/orgs/\(slug)/leave").status
                #expect(try await [one, other].sorted() == [204, 409])
            }
        }
    }
}
