import CurlHTTP
import Foundation
import Postgres
import TenantProtocol
import TestSupport

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// A tenant that sends usage to a running service.
struct UsageTenant: Sendable {
    static let path = "/cp/llm-usage-events"
    static let workspace = "0b2f0c5e-9f0f-4b58-a9a2-6f3c4b7d6a11"

    let service: TestService
    let org: Org
    let token: String

    static func run(_ body: @Sendable @escaping (UsageTenant) async throws -> Void) async throws {
        try await TestService.run(["RATE_LIMITS": #"{"tenant.credential": 0}"#]) { service in
            let (org, secrets) = try await service.launchedOrg(slug: "acme")
            try await body(UsageTenant(service: service, org: org, token: secrets.adminToken))
        }
    }

    /// Ten tokens in, five out, two cached and one of reasoning, now.
    /// - Parameter changes: other fields, or others' values.
    func event(_ changes: [String: any Sendable] = [:]) -> String {
        var fields: [String: Any] = [
            "id": UUID().text, "workspace_id": Self.workspace, "model": "claude-sonnet-4-5",
            "provider": "anthropic", "input_tokens": 10, "output_tokens": 5, "cached_tokens": 2,
            "reasoning_tokens": 1, "occurred_at": Date.now.formatted(.iso8601),
        ]
        fields.merge(changes) { $1 }
        return String(
            decoding: (try? JSONSerialization.data(withJSONObject: fields)) ?? Data(), as: UTF8.self)
    }

    func body(
        _ events: [String], epoch: String? = nil, sequence: Int? = nil, lost: [SequenceRange]? = nil
    ) -> [UInt8] {
        var text = #"{"events":[\#(events.joined(separator: ","))]"#
        if let epoch { text += #","epoch":"\#(epoch)""# }
        if let sequence { text += #","sequence":\#(sequence)"# }
        if let lost {
            text +=
                #","lost":["# + lost.map { #"{"from":\#($0.from),"to":\#($0.to)}"# }.joined(separator: ",")
                + "]"
        }
        return Array((text + "}").utf8)
    }

    func post(_ body: [UInt8], _ headers: [HTTPField] = []) async throws -> TestService.Answer {
        var request = HTTPRequest(
            "POST", service.url + Self.path,
            headers: headers + [
                HTTPField("Authorization", "Bearer \(token)"),
                HTTPField("X-Molecule-Org-Id", org.id.text), HTTPField("Content-Type", "application/json"),
            ])
        request.body = body
        let response = try await service.platform.http.send(request)
        let json = try? JSONDecoder().decode([String: JSONValue].self, from: Data(response.body))
        return TestService.Answer(
            status: response.status, contentType: response.header("Content-Type") ?? "", headers: response,
            json: json ?? [:])
    }

    /// Sends what has to be taken.
    func send(
        _ events: [String], epoch: String? = nil, sequence: Int? = nil, lost: [SequenceRange]? = nil
    ) async throws -> UsageReceipt {
        let answer = try await post(body(events, epoch: epoch, sequence: sequence, lost: lost))
        guard answer.status == 200 else { throw TestSupportError("not taken: \(answer.json)") }
        func number(_ name: String) -> Int {
            if case .number(let value)? = answer.json[name] { Int(value) } else { -1 }
        }
        let missing = (answer.json["missing"]?.array ?? []).compactMap { range -> SequenceRange? in
            guard case .number(let from)? = range.object?["from"], case .number(let to)? = range.object?["to"]
            else { return nil }
            return SequenceRange(from: Int(from), to: Int(to))
        }
        return UsageReceipt(
            accepted: number("accepted"), duplicates: number("duplicates"), setAside: number("set_aside"),
            missing: missing)
    }

    /// Events, tokens by kind and millicredits over a table of sums.
    func sum(_ table: String) async throws -> [Int] {
        let row = try await service.platform.database.query(
            """
            SELECT coalesce(sum(events), 0)::bigint AS n, sum(input_tokens)::bigint AS i,
                sum(output_tokens)::bigint AS o, sum(cached_tokens)::bigint AS c,
                sum(reasoning_tokens)::bigint AS r, sum(millicredits)::bigint AS m
            FROM \(identifier: table)
            """)[0]
        return try ["n", "i", "o", "c", "r", "m"].map { try row[$0, as: Int.self] }
    }

    /// Of what waits, in the order in which it was sent.
    func reasons() async throws -> [String] {
        try await service.platform.database.query(
            "SELECT reason FROM usage_set_aside WHERE state = 'waiting' ORDER BY place"
        ).map { try $0["reason"] }
    }
}
