import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import TenantProtocol
import TenantSpool

/// What the runtimes of workspaces tell of their use of models, and ask before it.
struct UsageRoutes: Sendable {
    /// nil without a platform, or without a folder to keep it in: nothing is kept then.
    let spool: UsageSpool?
    let settings: PlatformSettings

    static let maximumBodyBytes = 8_192

    /// `GET /internal/llm-permission`: 204, or why no model may be asked now (402, 403). Ask before a call;
    /// what was used is told in any case.
    func permission(_ request: Request) throws -> Response {
        try InsideOnly.check(request)
        if let refusal = settings.standing.modelRefusal { throw refusal.problem }
        return Response(status: .noContent)
    }

    private struct Recorded: Encodable { var id: String }

    /// `POST /internal/llm-usage`: a model has answered. 201 once it is on the disk; 204 where nothing is
    /// kept. It is taken whatever the organisation may do now: it has happened. Whoever got no answer repeats
    /// it under the same id.
    func record(_ request: Request) async throws -> Response {
        try InsideOnly.check(request)
        let body = try await request.body.collect(upTo: Self.maximumBodyBytes)
        let event = try UsageReport(Array(body.readableBytesView)).event()
        guard let spool else { return Response(status: .noContent) }
        do {
            try await spool.record(event)
        } catch let refusal as SpoolWriter.Refusal {
            throw Problem(
                status: refusal == .busy ? .serviceUnavailable : .init(code: 507), detail: "\(refusal)")
        }
        return jsonResponse(Recorded(id: event.id), status: .created)
    }
}

/// The body of `POST /internal/llm-usage`: a `UsageEvent` whose id, counts and time may be absent.
struct UsageReport: Decodable {
    var id: String?
    var workspaceID: String
    var model: String
    var provider: String
    var inputTokens: Int?
    var outputTokens: Int?
    var cachedTokens: Int?
    var reasoningTokens: Int?
    var occurredAt: String?

    private typealias CodingKeys = UsageEvent.CodingKeys

    /// - Throws: `Problem` (400)
    init(_ body: [UInt8]) throws {
        do {
            self = try JSONDecoder().decode(UsageReport.self, from: Data(body))
        } catch {
            throw Self.invalid(
                "the body is no JSON of workspace_id, model, provider, input_tokens, output_tokens, "
                    + "cached_tokens, reasoning_tokens, occurred_at and id")
        }
    }

    /// Completed. What the platform would refuse for ever is refused here, where somebody reads it.
    func event(now: Date = Date()) throws -> UsageEvent {
        let event = UsageEvent(
            id: try checkedID(), workspaceID: try Self.uuid(workspaceID, "workspace_id"), model: model,
            provider: provider,
            inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0, cachedTokens: cachedTokens ?? 0,
            reasoningTokens: reasoningTokens ?? 0,
            occurredAt: occurredAt ?? now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        )
        for (name, text) in [("model", model), ("provider", provider)] {
            guard Self.isName(text) else {
                throw Self.invalid(
                    "\(name) has 1 to \(UsageEvent.maximumNameBytes) letters, digits or any of . _ : / @ + -")
            }
        }
        let counts = [event.inputTokens, event.outputTokens, event.cachedTokens, event.reasoningTokens]
        guard counts.allSatisfy({ (0...UsageEvent.maximumTokens).contains($0) }) else {
            throw Self.invalid("each count is 0 to \(UsageEvent.maximumTokens)")
        }
        guard isTime(event.occurredAt) else { throw Self.invalid("occurred_at is no time of RFC 3339") }
        return event
    }

    private func checkedID() throws -> String {
        guard let id else { return EventID.make() }
        return try Self.uuid(id, "id")
    }

    private static func uuid(_ text: String, _ name: String) throws -> String {
        guard let uuid = UUID(uuidString: text) else { throw invalid("\(name) is no UUID") }
        return uuid.uuidString.lowercased()
    }

    /// As the platform has it.
    private static func isName(_ text: String) -> Bool {
        (1...UsageEvent.maximumNameBytes).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || "._:/@+-".utf8.contains($0)
            }
    }

    private func isTime(_ text: String) -> Bool {
        (try? Date(text, strategy: .iso8601)) != nil
            || (try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))) != nil
    }

    private static func invalid(_ detail: String) -> Problem {
        Problem(status: .badRequest, detail: detail)
    }
}
