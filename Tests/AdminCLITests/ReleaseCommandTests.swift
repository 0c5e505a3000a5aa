import Foundation
import TestSupport
import Testing

/// A tenant's redeploys and release, and the channels, against a server that answers as it was told.
@Suite struct ReleaseCommandTests {
    private static let redeploy = "/cp/admin/tenants/acme/redeploy"

    @Test(arguments: [
        ("ready", "Nothing stands in the way.", 0), ("refused", "The instance would refuse it (disk).", 1),
        ("unreachable", "Systems Manager cannot reach the instance.", 1),
    ])
    func aDryRunSaysWhatTheInstanceThinksOfIt(_ outcome: String, _ message: String, _ status: Int32)
        async throws
    {
        let plan = """
            {"slug":"acme","service":"redis","previous_digest":"sha256:1","digest":"sha256:2",
            "would_change":true,"dry_run":true,"preflight":{"outcome":"\(outcome)","message":"\(message)"}}
            """
        let run = try await cpctl(
            ["tenants", "redeploy", "acme", "--service", "redis", "--tag", "v2", "--dry-run"],
            [Self.redeploy: [answer(plan)]])
        #expect(run.status == status)
        #expect(
            run.output
                == "redis of acme would be redeployed.\nfrom  sha256:1\nto    sha256:2\n"
                + "preflight \(outcome): \(message)\n")
        let request = try run.firstRequest()
        let body = try JSONSerialization.jsonObject(with: Data(request.body.utf8)) as? NSDictionary
        #expect(body == ["service": "redis", "target_tag": "v2", "dry_run": true])
    }

    @Test func whatStandsInTheWayIsNamed() async throws {
        func refused(_ more: String) async throws -> Run {
            let problem = #"{"status":409,"code":"redeploy_in_progress","detail":"Another one.",\#(more)}"#
            return try await cpctl(["tenants", "redeploy", "acme"], [Self.redeploy: [answer(problem, 409)]])
        }
        let single = try await refused(#""redeploy_id":"r-7""#)
        #expect(single.status == 1 && single.output.contains("It is redeploy r-7: wait"))
        #expect(single.requests.first?.body == "{}")
        let rollout = try await refused(#""redeploy_id":"r-7","rollout_id":"3f2a91c0-1111""#)
        #expect(rollout.output.contains("cpctl rollout watch 3f2a91c0`"))
    }

    @Test func theHistoryNamesWhoOrderedWhat() async throws {
        let digest = "sha256:" + String(repeating: "b", count: 64)
        let history = """
            {"redeploys":[{"slug":"acme","service":"tenant","phase":"rolled_back","target_tag":"v2",
            "previous_digest":null,"digest":"\(digest)","error":"Not healthy.",
            "created_at":"2026-01-01T08:20:00.250Z","duration_ms":4200,
            "rollout_id":"3f2a91c0-1111","refresh":false,"redeploy_id":"r-2"},
            {"slug":"acme","service":"tenant","phase":"updated","target_tag":null,
            "previous_digest":"\(digest)","digest":"\(digest)","error":null,
            "created_at":"2026-01-01T08:10:00.250Z","duration_ms":1000,"rollout_id":null,
            "refresh":true,"redeploy_id":"r-1"}]}
            """
        let path = "/cp/admin/tenants/acme/redeploys?limit="
        let run = try await cpctl(["tenants", "history", "acme"], [path + "20": [answer(history)]])
        // Runs of spaces are the columns'.
        let lines = run.output.split(separator: "\n").map { line in
            line.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        #expect(
            lines == [
                ["WHEN", "SERVICE", "FROM", "TO", "OUTCOME", "TOOK", "BY", "WHY"],
                [
                    "2026-01-01T08:20:00Z", "tenant", "-", "bbbbbbbbbbbb (v2)", "rolled back", "4.2 s",
                    "rollout 3f2a91c0", "Not healthy.",
                ],
                [
                    "2026-01-01T08:10:00Z", "tenant", "bbbbbbbbbbbb", "configuration", "updated", "1.0 s",
                    "operator",
                ],
            ])
        let never = try await cpctl(
            ["tenants", "history", "acme", "--limit", "3"], [path + "3": [answer(#"{"redeploys":[]}"#)]])
        #expect(never.output == "acme was never redeployed: it runs what it was launched with.\n")
    }

    @Test func aReleaseIsShownOrChanged() async throws {
        let path = "/cp/admin/tenants/acme/release"
        let release = """
            {"slug":"acme","channel":"stable","pinned_digest":"sha256:1","opted_out":true,
            "maintenance_until":"2026-01-01T09:00:00.000Z"}
            """
        let shown = try await cpctl(["tenants", "release", "acme"], [path: [answer(release)]])
        #expect(shown.status == 0 && shown.requests.map(\.method) == ["GET"])
        #expect(
            shown.output == """
                slug         acme
                channel      stable
                pinned to    sha256:1
                rollouts     opted out
                maintenance  until 2026-01-01T09:00:00Z

                """)
        let changed = try await cpctl(
            ["tenants", "release", "acme", "--unpin", "--maintenance", "3600"], [path: [answer(release)]])
        #expect(changed.status == 0 && changed.requests.map(\.method) == ["PATCH"])
        let body =
            try JSONSerialization.jsonObject(with: Data(changed.firstRequest().body.utf8)) as? NSDictionary
        #expect(body == ["pinned_digest": "", "maintenance_seconds": 3600])
    }

    @Test func channelsAreListedAndSet() async throws {
        let canary = """
            {"name":"canary","digest":"sha256:0123456789abcdef","target_tag":"v2","tenants":1,
            "updated_at":"2026-01-01T08:20:00.250Z"}
            """
        let stable = #"{"name":"stable","tenants":12,"updated_at":"2026-01-01T08:00:00.250Z"}"#
        let list = try await cpctl(
            ["channels", "list"], ["/cp/admin/channels": [answer(#"{"channels":[\#(canary),\#(stable)]}"#)]])
        #expect(
            list.output.split(separator: "\n") == [
                "CHANNEL  TENANTS  TAG            DIGEST                   SINCE",
                "canary   1        v2             sha256:0123456789abcdef  2026-01-01T08:20:00Z",
                "stable   12       as configured  -                        2026-01-01T08:00:00Z",
            ])
        let path = "/cp/admin/channels/canary"
        let set = try await cpctl(["channels", "set", "canary", "--tag", "v2"], [path: [answer(canary)]])
        #expect(set.requests.map(\.method) == ["PUT"])
        #expect(try set.firstRequest().body == #"{"target_tag":"v2"}"#)
        #expect(
            set.output == """
                canary stands for v2 (sha256:0123456789ab). Followed by 1 tenant.
                Roll it out: cpctl rollout start --channel canary

                """)
        let both = try await cpctl(["channels", "set", "canary", "--tag", "v2", "--digest", "sha256:1"], [:])
        #expect(both.status == 64 && both.requests.isEmpty)
    }
}
