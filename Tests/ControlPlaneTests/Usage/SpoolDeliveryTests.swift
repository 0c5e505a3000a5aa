import CurlHTTP
import Foundation
import Postgres
import TenantProtocol
import TenantSpool
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// A tenant's own spool and sender, and the service, over HTTP: what was recorded is what is there.
@Suite struct SpoolDeliveryTests {
    /// As the agent posts, and each answer is lost once after it took effect.
    private static func sender(
        _ route: SpoolRoute, _ folder: String, _ tenant: UsageTenant, losing lost: LostReplies
    ) -> SpoolSender {
        let folders = SpoolFolders(tenant: folder, delivery: "\(folder)/delivery")
        return SpoolSender(route, folders, log: { _ in }) {
            path, headers, body in
            var request = HTTPRequest(
                "POST", tenant.service.url + path,
                headers: headers + [
                    HTTPField("Authorization", "Bearer \(tenant.token)"),
                    HTTPField("X-Molecule-Org-Id", tenant.org.id.text),
                ])
            request.body = body
            let answer = try await tenant.service.platform.http.send(request)
            #expect((200..<300).contains(answer.status), "\(answer.text)")
            return await lost.loses() ? HTTPResponse(status: 502, headers: [], body: []) : answer
        }
    }

    private static func sendAll(_ sender: SpoolSender) async throws {
        for _ in 0..<20 {
            do { if try await sender.sendAll() == 0 { return } } catch is SpoolSender.Obstacle {}
        }
        Issue.record("it is never all sent")
    }

    @Test func whatATenantRecordsArrivesOnce() async throws {
        try await UsageTenant.run { tenant in
            try await withTemporaryFolder { folder in
                // Two servers side by side, as in a redeploy: two streams.
                let spools = [UsageSpool(folder: folder), UsageSpool(folder: folder)]
                for spool in spools {
                    try await withThrowingTaskGroup { group in
                        for number in 1...600 {
                            group.addTask { try await spool.record(Self.usage(number)) }
                        }
                        try await group.waitForAll()
                    }
                }
                try await Self.sendAll(Self.sender(.usage, folder, tenant, losing: LostReplies()))
                let sums = try await tenant.service.platform.database.query(
                    """
                    SELECT sum(events)::int AS events, sum(input_tokens)::int AS input FROM usage_days
                    """)[0]
                #expect(try sums["events", as: Int.self] == 1_200)
                #expect(try sums["input", as: Int.self] == 2 * 600 * 601 / 2)
                #expect(try await tenant.service.count("usage_streams") == 2)
                #expect(try await tenant.service.count("usage_set_aside") == 0)
                #expect(
                    try await UsageStreams(database: tenant.service.platform.database)
                        .torn(org: nil, limit: 10).isEmpty)
            }
        }
    }

    @Test func whatBecomesOfWorkspacesArrivesOnce() async throws {
        try await UsageTenant.run { tenant in
            try await withTemporaryFolder { folder in
                let spool = UsageSpool(folder: folder)
                for kind in WorkspaceEvent.Kind.allCases {
                    try await spool.record(
                        WorkspaceEvent(
                            id: UUID().text, workspaceID: UsageTenant.workspace, kind: kind,
                            occurredAt: Date.now.formatted(.iso8601)))
                }
                try await Self.sendAll(Self.sender(.workspaceEvents, folder, tenant, losing: LostReplies()))
                let kinds = try await tenant.service.platform.database.query(
                    "SELECT kind FROM workspace_events ORDER BY kind"
                ).map { try $0["kind", as: String.self] }
                #expect(kinds == ["created", "offline", "online", "removed"])
            }
        }
    }

    private static func usage(_ number: Int) -> UsageEvent {
        UsageEvent(
            id: UUID().text, workspaceID: UsageTenant.workspace, model: "claude-sonnet-4-5",
            provider: "anthropic", inputTokens: number, outputTokens: 0,
            occurredAt: Date.now.formatted(.iso8601))
    }
}

/// Every other answer is lost.
private actor LostReplies {
    private var count = 0

    func loses() -> Bool {
        count += 1
        return !count.isMultiple(of: 2)
    }
}
