import AuditChain
import CurlHTTP
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

@Suite struct AuditRouteTests {
    @Test func whoeverChangesSomethingIsKept() async throws {
        try await TestService.run { service in
            let created = try await service.send(
                "POST", "/cp/admin/orgs", body: #"{"slug":"acme","name":"Acme Inc","owner_user_id":"u1"}"#)
            #expect(created.status == 201)
            let canary = try await service.send(
                "POST", "/cp/admin/orgs/acme/canary", body: #"{"is_canary":true}"#)
            #expect(canary.status == 200)
            let refused = try await service.send("POST", "/cp/admin/orgs", body: #"{"slug":"acme"}"#)
            #expect(refused.status == 400)
            let list = try await service.send("GET", "/cp/admin/audit?org=acme")
            let entries = list.json["entries"]?.array?.compactMap { $0.object } ?? []
            let actions = entries.map { $0["action"]?.string }
            try #require(actions == ["org.canary_set", "org.created"])
            #expect(entries[0]["before"]?.object == ["is_canary": .bool(false)])
            #expect(entries[0]["after"]?.object == ["is_canary": .bool(true)])
            #expect(entries[1]["actor_kind"] == .string("operator"))
            #expect(entries[1]["actor_name"] == .string("environment"))
            #expect(entries[1]["address"] == .string("127.0.0.1"))
            #expect(entries[1]["request_id"]?.string == created.headers.header("X-Request-Id"))
            #expect(!"\(entries)".contains("Acme Inc"), "the log keeps ids, and no names of people or firms")
        }
    }

    @Test func entriesComeInPagesAndFiltered() async throws {
        try await TestService.run { service in
            let log = AuditLog(database: service.platform.database)
            for number in 1...7 {
                try await log.record(
                    AuditEvent(action: number % 2 == 0 ? "key.issued" : "org.created", subject: "s\(number)"),
                    by: RequestOrigin(kind: .operator, name: number < 4 ? "anna" : "ben"))
            }
            func subjects(_ query: String) async throws -> [String] {
                let answer = try await service.send("GET", "/cp/admin/audit?\(query)")
                #expect(answer.status == 200, "\(query)")
                return answer.json["entries"]?.array?.compactMap { $0.object?["subject"]?.string } ?? []
            }
            #expect(try await subjects("action=key") == ["s6", "s4", "s2"])
            #expect(try await subjects("action=key.issued&actor=ben") == ["s6", "s4"])
            #expect(try await subjects("action=ke") == [])
            #expect(try await subjects("subject=s3") == ["s3"])
            #expect(try await subjects("until=2020-01-01T00:00:00Z") == [])
            #expect(try await subjects("since=2020-01-01T00:00:00.5Z&limit=2") == ["s7", "s6"])
            let first = try await service.send("GET", "/cp/admin/audit?limit=3")
            let next = try #require(first.json["next"]?.number)
            #expect(try await subjects("limit=4&before=\(next)") == ["s4", "s3", "s2", "s1"])
            for query in ["since=yesterday", "limit=0", "limit=501", "org=NO", "before=0", "actor="] {
                #expect(try await service.send("GET", "/cp/admin/audit?\(query)").status == 400, "\(query)")
            }
        }
    }

    /// The service seals by itself; cpctl reads its stream and judges it.
    @Test func cpctlFindsWhatASuperuserChanged() async throws {
        try await TestService.run { service in
            let database = service.platform.database
            for number in 1...2_500 {
                try await AuditLog(database: database).record(
                    AuditEvent(action: "org.created", subject: "s\(number)"), by: .service("test"))
            }
            try await eventually("the sealing") {
                try await service.count("audit.chain") == 2_500
            }
            let environment = [
                "CP_URL": service.url, "CP_ADMIN_API_TOKEN": ExampleEnvironment.adminToken,
                "PATH": "/usr/bin:/bin", "NO_PROXY": "127.0.0.1",
            ]
            func cpctl(_ arguments: String...) async throws -> (status: Int32, output: String) {
                try await runCommand(builtProduct("cpctl"), ["audit"] + arguments, environment: environment)
            }
            let whole = try await cpctl("verify")
            #expect(whole.status == 0 && whole.output.contains("The log is whole: 2500 entries."))
            let head = try #require(whole.output.split(separator: "\n").last?.split(separator: " ").last)
            let export = try await cpctl("export")
            #expect(export.output.split(separator: "\n").count == 2_500)
            try await database.execute("ALTER TABLE audit.entries DISABLE TRIGGER ALL")
            try await database.execute("UPDATE audit.entries SET subject = 'other' WHERE subject = 's1777'")
            let broken = try await cpctl("verify", "--head", String(head))
            #expect(broken.status == 1)
            #expect(broken.output.contains("✗ changed: Entry 1777 (org.created other by service test)"))
            #expect(broken.output.contains("1 finding: 2500 entries."))
            let json = try await cpctl("verify", "--json")
            #expect(json.status == 1 && json.output.contains(#""kind":"changed""#))
            let list = try await cpctl("list", "--action", "org", "--limit", "2")
            #expect(list.output.contains("s2500") && list.output.split(separator: "\n").count == 3)
            try await withTemporaryFolder { folder in
                try Data(export.output.utf8).write(to: URL(filePath: folder + "/audit.jsonl"))
                let kept = try await cpctl(
                    "verify", "--file", folder + "/audit.jsonl", "--head", String(head))
                #expect(kept.status == 0, "\(kept.output)")
            }
        }
    }
}
