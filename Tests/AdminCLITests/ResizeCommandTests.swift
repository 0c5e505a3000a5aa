import Foundation
import TestSupport
import Testing

/// A tenant's instance type, against a server that answers as it was told.
@Suite struct ResizeCommandTests {
    private static let path = "/cp/admin/tenants/acme/instance-type"

    private static func view(_ type: String, _ more: String = "", phase: String? = nil) -> String {
        let resize = phase.map { phase in
            let failure = phase == "kept" ? #","error_code":"no_capacity","error":"None is left.""# : ""
            return """
                ,"resize":{"id":"r-1","cause":"operator","from_type":"t3.medium","to_type":"t3.large",
                "any_time":false,"not_before":"2026-01-01T02:00:00.000Z","phase":"\(phase)",
                "failures":\(phase == "kept" ? 1 : 0),"created_at":"2026-01-01T01:00:00.000Z"\(failure)}
                """
        }
        return """
            {"slug":"acme","instance_type":"\(type)","plan":"pro","plan_instance_type":"t3.large"\(more)
            \(resize ?? "")}
            """
    }

    @Test func noOptionOnlyShows() async throws {
        let waiting = Self.view(
            "t3.medium", #","begins_at":"2026-01-01T02:00:00.000Z""#, phase: "waiting")
        let run = try await cpctl(["tenants", "resize", "acme"], [Self.path: [answer(waiting)]])
        #expect(run.status == 0 && run.requests.map(\.method) == ["GET"])
        #expect(run.output.contains("t3.large (pro)"))
        #expect(run.output.contains("t3.medium to t3.large, ordered by the operator: waiting"))
        #expect(run.output.contains("begins in the window at 2026-01-01"))
    }

    @Test func aDryRunSaysWhen() async throws {
        let would = Self.view(
            "t3.medium", #","would_change":true,"begins_at":"2026-01-01T02:00:00.000Z""#)
        let run = try await cpctl(
            ["tenants", "resize", "acme", "--to", "t3.large", "--dry-run"], [Self.path: [answer(would)]])
        #expect(run.status == 0 && run.output.contains("It would begin in the window at 2026-01-01"))
        let body = try JSONSerialization.jsonObject(with: Data(run.firstRequest().body.utf8)) as? NSDictionary
        #expect(body == ["instance_type": "t3.large", "dry_run": true])
    }

    @Test(arguments: [("changed", 0), ("kept", 1)])
    func itIsFollowedToItsEnd(_ end: String, _ status: Int32) async throws {
        let type = end == "changed" ? "t3.large" : "t3.medium"
        let run = try await cpctl(
            ["tenants", "resize", "acme", "--to-plan", "--now", "--follow"],
            [
                Self.path: [
                    answer(Self.view("t3.medium", phase: "waiting"), 202),
                    answer(Self.view("t3.medium", phase: "changing")), answer(Self.view(type, phase: end)),
                ]
            ])
        #expect(run.status == status && run.requests.map(\.method) == ["POST", "GET", "GET"])
        #expect(try run.firstRequest().body == #"{"now":true}"#)
        #expect(run.output.contains("  changing\n") && run.output.contains("  \(end)\n"))
        #expect(run.output.contains("last failure (1): None is left.") == (end == "kept"))
    }

    @Test(arguments: [["--now"], ["--follow"], ["--dry-run"], ["--to", "t3.large", "--to-plan"]])
    func whatDoesNotGoTogetherIsSaid(_ options: [String]) async throws {
        let run = try await cpctl(["tenants", "resize", "acme"] + options, [:])
        #expect(run.status != 0 && run.requests.isEmpty && run.output.contains("--to"))
    }
}
