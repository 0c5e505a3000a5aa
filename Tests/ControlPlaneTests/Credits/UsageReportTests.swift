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

@Suite struct UsageReportTests {
    private static func day(_ text: String) throws -> Date {
        try Date(text + "T12:00:00Z", strategy: .iso8601)
    }

    private static func used(_ service: TestService) async throws -> (Org, UUID, UUID) {
        let org = try await service.org("acme", plan: "pro")
        let (one, other) = (UUID(), UUID())
        try await service.use(org.id, credits: 10, at: try day("2026-02-28"), model: "big", workspace: one)
        try await service.use(org.id, credits: 20, at: try day("2026-03-01"), model: "big", workspace: other)
        try await service.use(
            org.id, millicredits: 1_500, at: try day("2026-03-01"), model: "=1+1", workspace: one)
        return (org, one, other)
    }

    @Test func usageIsSummedUpByDayModelAndWorkspace() async throws {
        try await TestService.run { service in
            let (org, one, other) = try await Self.used(service)
            try await service.add("payer", to: org, as: .billing)
            let payer = try await service.signIn("payer")
            func rows(_ query: String, _ key: String) async throws -> [String?: Int?] {
                let answer = try await payer.send("GET", "/cp/orgs/acme/usage?\(query)")
                #expect(answer.status == 200, "\(answer.json)")
                let rows = answer.json["rows"]?.array ?? []
                let sum = rows.compactMap { $0.object?["millicredits"]?.number }.reduce(0, +)
                #expect(answer.json["totals"]?.object?["millicredits"]?.number == sum)
                return Dictionary(
                    uniqueKeysWithValues: rows.map {
                        ($0.object?[key]?.string, $0.object?["millicredits"]?.number)
                    })
            }
            let range = "from=2026-02-01&to=2026-03-01"
            #expect(try await rows(range, "day") == ["2026-02-28": 10_000, "2026-03-01": 21_500])
            #expect(
                try await rows("\(range)&group_by=model", "model") == ["big": 30_000, "=1+1": 1_500])
            #expect(
                try await rows("\(range)&group_by=workspace", "workspace_id")
                    == [one.text: 11_500, other.text: 20_000])
            #expect(try await rows("from=2026-03-01&to=2026-03-01", "day") == ["2026-03-01": 21_500])
            #expect(try await rows("to=2026-03-20", "day") == ["2026-03-01": 21_500], "that month")
            #expect(try await rows("", "day") == [:], "the present month")
            let admin = try await service.send("GET", "/cp/admin/orgs/acme/usage?\(range)")
            #expect(admin.json["rows"]?.array?.count == 2)
        }
    }

    @Test func limitsAreNamed() async throws {
        try await TestService.run { service in
            let (org, _, _) = try await Self.used(service)
            for (query, code) in [
                ("from=2025-01-01&to=2026-01-02", "invalid_from"),
                ("from=2026-03-02&to=2026-03-01", "invalid_from"),
                ("from=x", "invalid_from"), ("to=2026-02-30", "invalid_to"), ("to=2026-2-1", "invalid_to"),
                ("group_by=slug", "invalid_group_by"), ("format=xml", "invalid_format"),
            ] {
                let answer = try await service.send("GET", "/cp/admin/orgs/acme/usage?\(query)")
                #expect(answer.status == 400 && answer.code == code, "\(query): \(answer.json)")
            }
            let year = "from=2025-03-01&to=2026-03-01"
            #expect(try await service.send("GET", "/cp/admin/orgs/acme/usage?\(year)").status == 200)
            try await service.platform.database.execute(
                """
                INSERT INTO usage_days SELECT \(org.id), '2026-03-01', gen_random_uuid(), 'p', 'm', 1, 1, 1,
                    1, 1, 1 FROM generate_series(1, \(UsageReport.maximumRows))
                """)
            let long = try await service.send(
                "GET", "/cp/admin/orgs/acme/usage?\(year)&group_by=workspace")
            #expect(long.status == 422 && long.code == "too_many_rows")
            #expect(try await service.send("GET", "/cp/admin/orgs/acme/usage?\(year)").status == 200)
        }
    }

    @Test func aSpreadsheetGetsCSVAndNoFormula() async throws {
        try await TestService.run { service in
            _ = try await Self.used(service)
            func get(_ query: String, accept: String? = nil) async throws -> HTTPResponse {
                let path = "/cp/admin/orgs/acme/usage?from=2026-02-01&to=2026-03-01&group_by=model\(query)"
                var request = HTTPRequest("GET", service.url + path)
                request.headers = [HTTPField("Authorization", "Bearer \(ExampleEnvironment.adminToken)")]
                if let accept { request.headers.append(HTTPField("Accept", accept)) }
                return try await service.platform.http.send(request)
            }
            let header =
                "provider,model,events,input_tokens,output_tokens,cached_tokens,reasoning_tokens,millicredits"
            let expected = "\(header)\r\np,'=1+1,1,1,0,0,0,1500\r\np,big,2,30,0,0,0,30000\r\n"
            let asked = try await get("&format=csv")
            #expect(asked.text == expected)
            #expect(asked.header("Content-Type") == "text/csv; charset=utf-8; header=present")
            #expect(asked.header("Content-Disposition")?.contains("acme-usage-2026-02-01") == true)
            #expect(try await get("", accept: "text/csv").text == expected)
            #expect(try await get("", accept: "text/csv;q=0.9, application/json").text == expected)
            for accept in ["application/json, text/csv", "*/*"] {
                #expect(try await get("", accept: accept).header("Content-Type") == "application/json")
            }
            #expect(try await get("&format=json", accept: "text/csv").text.hasPrefix("{"))
        }
    }

    @Test func fieldsAreQuotedAsTheyMustBe() {
        let fields = ["a": "a", "": "", "a,b": "\"a,b\"", "a\"b": "\"a\"\"b\"", "a\r\nb": "\"a\r\nb\""]
        for (text, field) in fields { #expect(CSV.field(text) == field) }
        for start in ["=", "+", "-", "@"] { #expect(CSV.field(start + "x") == "'" + start + "x") }
        #expect(CSV.field("\tx") == "'\tx" && CSV.field("\rx") == "\"'\rx\"")
        #expect(CSV.field("=a,b") == "\"'=a,b\"" && CSV.field("-5") == "-5")
    }
}
