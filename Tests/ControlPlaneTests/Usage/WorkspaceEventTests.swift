import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// `POST /cp/workspace-events`, and the figures made of it.
@Suite struct WorkspaceEventTests {
    private static let path = "/cp/workspace-events"

    private static func event(_ id: String = UUID().text, kind: String = "created", more: String = "")
        -> String
    {
        """
        {"id":"\(id)","workspace_id":"\(UUID().text)","kind":"\(kind)",
        "occurred_at":"\(Date.now.formatted(.iso8601))"\(more)}
        """
    }

    @Test func anEventIsKeptOnceAndTheVocabularyIsClosed() async throws {
        try await TestService.run { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme")
            func send(_ events: String...) async throws -> TestService.Answer {
                try await service.send(
                    "POST", Self.path, token: secrets.adminToken, org: org.id.text,
                    body: #"{"events":[\#(events.joined(separator: ","))]}"#)
            }
            let event = Self.event()
            for _ in 0..<2 { #expect(try await send(event, Self.event(kind: "online")).status == 204) }
            #expect(try await service.count("workspace_events") == 3)
            let refused = [
                (Self.event(more: #","name":"secret""#), "unknown_field"),
                (Self.event(kind: "renamed"), "invalid_body"), (Self.event("7"), "invalid_events"),
            ]
            for (event, code) in refused {
                let answer = try await send(event)
                #expect(answer.status == 400 && answer.code == code, "\(answer.json)")
            }
            #expect(try await service.count("workspace_events") == 3)
        }
    }

    @Test func figuresOfFewOrganisationsAreNotTold() async throws {
        try await TestService.run { service in
            for number in 1...5 {
                let (org, secrets) = try await service.launchedOrg(slug: "acme-\(number)")
                let events = [Self.event()] + (number < 5 ? [Self.event(kind: "removed")] : [])
                _ = try await service.send(
                    "POST", Self.path, token: secrets.adminToken, org: org.id.text,
                    body: #"{"events":[\#(events.joined(separator: ","))]}"#)
            }
            let answer = try await service.send("GET", "/cp/admin/analytics/workspaces")
            let days = (answer.json["days"]?.array ?? []).compactMap { $0.object }
            #expect(days.count == 1 && answer.json["suppressed"] == .number(1))
            #expect(days.first?["kind"] == .string("created"))
            #expect(days.first?["organisations"] == .number(5) && days.first?["workspaces"] == .number(5))
            #expect(!"\(answer.json)".contains("acme"), "no name, no slug")
        }
    }
}
