import Foundation
import Testing
import WireText

@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct OperatorTokenTests {
    @Test func aTokenIsShownOnceAndOnlyItsHashIsKept() async throws {
        try await TestService.run { service in
            let issued = try await service.issueOperator("ada", role: "admin")
            let token = try #require(issued.json["token"]?.string)
            #expect(issued.status == 201 && token.hasPrefix("mol_op_"))
            #expect(issued.json["token_prefix"]?.string == String(token.prefix(16)))
            let rows = try await service.platform.database.query("SELECT c::text AS row FROM credentials c")
            let text = try rows.map { try $0["row", as: String.self] }.joined()
            #expect(!text.contains(token) && text.contains(TokenHash(of: token).bytes.hex))
            let list = try await service.send("GET", "/cp/admin/operator-tokens", token: token)
            #expect(list.status == 200)
            #expect(!String(decoding: list.headers.body, as: UTF8.self).contains(token))
            let listed = try #require(list.json["operator_tokens"]?.array?.first?.object)
            #expect(listed["name"] == .string("ada") && listed["role"] == .string("admin"))
            #expect(listed["created_by"] == .string("environment"))
        }
    }

    @Test func eachRoleMayWhatItSaysAndNoMore() async throws {
        try await TestService.run { service in
            let asks: [(method: String, path: String, least: OperatorRole)] = [
                ("GET", "/cp/admin/orgs", .read), ("POST", "/cp/admin/orgs", .operate),
                ("POST", "/cp/admin/operator-tokens", .admin),
            ]
            for role in OperatorRole.allCases {
                let token = try await service.issueOperator("o", role: role.rawValue).json["token"]?.string
                for ask in asks {
                    let answer = try await service.send(ask.method, ask.path, token: token, body: "{}")
                    if role >= ask.least {
                        #expect(answer.status == (ask.method == "GET" ? 200 : 400))
                    } else {
                        #expect(answer.status == 403 && answer.code == "role_missing")
                        #expect(answer.json["role"] == .string(ask.least.rawValue))
                    }
                }
            }
        }
    }

    /// Unknown, revoked, malformed and of another kind: one answer, byte for byte but for the request's id.
    @Test func everyWrongTokenGetsTheSameAnswer() async throws {
        try await TestService.run { service in
            let issued = try await service.issueOperator("gone", role: "read")
            let token = try #require(issued.json["token"]?.string)
            let id = try #require(issued.json["id"]?.string)
            #expect(try await service.send("GET", "/cp/admin/orgs", token: token).status == 200)
            for _ in 0..<2 {
                let path = "/cp/admin/operator-tokens/\(id)"
                #expect(try await service.send("DELETE", path).status == 204)
            }
            let key = try await service.issueKey(scopes: Scope.allCases).json["key"]?.string
            var answers: Set<[String: String]> = []
            for wrong in [
                token, CredentialToken.random(.operator).text, "mol_op_1", key, "", nil, "x y",
                token.uppercased(), String(repeating: "a", count: 600),
            ] {
                let answer = try await service.send("GET", "/cp/admin/orgs", token: wrong)
                #expect(answer.status == 401)
                #expect(answer.headers.header("WWW-Authenticate") == "Bearer")
                answers.insert(answer.json.filter { $0.key != "request_id" }.mapValues { "\($0)" })
            }
            #expect(answers.count == 1)
            let unknown = try await service.send("DELETE", "/cp/admin/operator-tokens/\(UUID().text)")
            let malformed = try await service.send("DELETE", "/cp/admin/operator-tokens/1")
            #expect(unknown.status == 404 && malformed.status == 404)
        }
    }

    @Test func anExpiredTokenIsToldSo() async throws {
        try await TestService.run { service in
            let token = try await service.issueOperator("o", role: "read", days: 1).json["token"]?.string
            #expect(try await service.send("GET", "/cp/admin/orgs", token: token).status == 200)
            try await service.platform.database.execute(
                "UPDATE credentials SET expires_at = now() - interval '1 second'")
            let answer = try await service.send("GET", "/cp/admin/orgs", token: token)
            #expect(answer.status == 401 && answer.json["detail"] == .string("API key expired"))
            let list = try await service.send("GET", "/cp/admin/operator-tokens")
            let status = list.json["operator_tokens"]?.array?.first?.object?["status"]
            #expect(status == .string("expired"))
        }
    }

    @Test func aUseIsWrittenAtMostOnceAMinute() async throws {
        try await TestService.run { service in
            let token = try await service.issueOperator("o", role: "read").json["token"]?.string
            let database = service.platform.database
            func use() async throws -> Double? {
                #expect(try await service.send("GET", "/cp/admin/channels", token: token).status == 200)
                return try await database.query(
                    "SELECT extract(epoch FROM now() - last_used_at)::float8 AS age FROM credentials"
                )[0]["age", as: Double?.self]
            }
            #expect(try #require(try await use()) < 30)
            try await database.execute("UPDATE credentials SET last_used_at = now() - interval '50 seconds'")
            #expect(try #require(try await use()) > 49)
            try await database.execute("UPDATE credentials SET last_used_at = now() - interval '61 seconds'")
            #expect(try #require(try await use()) < 30)
        }
    }

    @Test func badOrdersAreExplainedAndIssueNothing() async throws {
        try await TestService.run { service in
            for (body, code) in [
                (#"{"name":"","role":"read"}"#, "invalid_name"),
                (#"{"name":"a\u0007","role":"read"}"#, "invalid_name"),
                (#"{"name":"a","role":"root"}"#, "invalid_role"),
                (#"{"name":"a","role":"read","expires_in_days":0}"#, "invalid_expires_in_days"),
                (#"{"name":"a","role":"read","expires_in_days":3651}"#, "invalid_expires_in_days"),
                (#"{"name":"a","role":"read","scopes":[]}"#, "unknown_field"),
            ] {
                let answer = try await service.send("POST", "/cp/admin/operator-tokens", body: body)
                #expect(answer.status == 400 && answer.code == code, "\(body)")
            }
            #expect(try await service.count("credentials") == 0)
        }
    }

    /// The environment's token is for the beginning: once there are others, its use is told.
    @Test func theEnvironmentsTokenIsAlarmedOnceOthersExist() async throws {
        try await TestService.run { service in
            func environment() async throws -> [String: JSONValue] {
                let answer = try await service.send("GET", "/cp/admin/operator-tokens")
                return answer.json["environment_token"]?.object ?? [:]
            }
            let before = try await environment()
            #expect(before["alarmed"] == .bool(false) && before["uses"] == .number(0))
            let issued = try await service.issueOperator("ada", role: "admin")
            for _ in 0..<5 { _ = try await service.send("GET", "/cp/admin/orgs") }
            let after = try await environment()
            #expect(after["alarmed"] == .bool(true) && after["uses"] == .number(1))
            #expect(after["address"] == .string("127.0.0.1") && after["last_used_at"]?.string != nil)
            let audited: Int = try await service.count(
                "audit.entries WHERE action = 'environment_token.used' AND actor_name = 'environment'")
            #expect(audited == 1, "at most once a minute")
            let token = issued.json["token"]?.string
            #expect(try await service.send("GET", "/cp/admin/orgs", token: token).status == 200)
            let actions = "audit.entries WHERE action = 'operator_token.issued' AND actor_kind = 'operator'"
            #expect(
                try await service.count("audit.entries WHERE action = 'operator_token.issued'") == 1,
                "\(actions)")
        }
    }
}

extension TestService {
    func issueOperator(_ name: String, role: String, days: Int? = nil) async throws -> Answer {
        let expiry = days.map { #","expires_in_days":\#($0)"# } ?? ""
        return try await send(
            "POST", "/cp/admin/operator-tokens", body: #"{"name":"\#(name)","role":"\#(role)"\#(expiry)}"#)
    }

    func issueKey(
        partner: String = "partner-1", scopes: [Scope], org: Org? = nil, rateLimit: Int? = nil
    ) async throws -> Answer {
        let names = scopes.map { #""\#($0.rawValue)""# }.joined(separator: ",")
        let reach = org.map { #""\#($0.id.text)""# } ?? "null"
        let limit = rateLimit.map { "\($0)" } ?? "null"
        let body = #"""
            {"name":"ci","partner_id":"\#(partner)","scopes":[\#(names)],"org_id":\#(reach),
            "expires_in_days":30,"rate_limit":\#(limit)}
            """#
        return try await send("POST", "/cp/admin/partner-keys", body: body)
    }
}
