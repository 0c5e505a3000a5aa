import AdminProtocol
import Billing
import FoundationEssentials
import Hummingbird
import Organisations

/// `/cp/admin/usage`: what operators look into, and decide.
struct UsageAdminRoutes: Sendable {
    static let listLimits = 1...1_000
    static let defaultList = 100

    let platform: Platform

    // MARK: Streams

    /// `GET .../gaps?org=&limit=`
    func gaps(_ request: Request, _ context: AppContext) async throws -> Response {
        let limit = try request.number("limit", in: Self.listLimits) ?? Self.defaultList
        let org = try await org(named: request.uri.queryParameters["org"].map(String.init))
        return try Response.json(
            ["gaps": try await UsageStreams(database: platform.database).torn(org: org, limit: limit)])
    }

    // MARK: Set aside

    private struct List: Encodable {
        var events: [SetAsideRecord]
        /// Of all that waits.
        var counts: [SetAsideCount]
    }

    /// `GET .../set-aside?org=&reason=&state=&limit=`, newest first.
    func setAside(_ request: Request, _ context: AppContext) async throws -> Response {
        let limit = try request.number("limit", in: Self.listLimits) ?? Self.defaultList
        let query = request.uri.queryParameters
        let filter = SetAsideFilter(
            org: try await org(named: query["org"].map(String.init)),
            reason: try word(query["reason"], "reason", SetAsideReason.self))
        let state = try word(query["state"], "state", SetAsideRecord.State.self) ?? .waiting
        let store = SetAsideStore(database: platform.quickReads.database)
        return try Response.json(
            List(
                events: try await store.list(filter, state, limit: limit), counts: try await store.counts()))
    }

    struct Order: RequestFields {
        /// Slug or id.
        var org: String?
        var reason: SetAsideReason?
        var ids: [UUID]?
        var dryRun: Bool?

        enum CodingKeys: String, CodingKey, CaseIterable {
            case org, reason, ids
            case dryRun = "dry_run"
        }
    }

    func release(_ request: Request, _ context: AppContext) async throws -> Response {
        let (filter, isDry) = try await order(request)
        return try Response.json(
            try await SetAsideDecision(billing: platform.billing)
                .release(filter, isDry: isDry, by: context.origin))
    }

    func discard(_ request: Request, _ context: AppContext) async throws -> Response {
        let (filter, isDry) = try await order(request)
        return try Response.json(
            try await SetAsideDecision(billing: platform.billing)
                .discard(filter, isDry: isDry, by: context.origin))
    }

    private func order(_ request: Request) async throws -> (SetAsideFilter, isDry: Bool) {
        let order = try await RequestBody.read(Order.self, from: request)
        guard (order.ids ?? []).count <= SetAsideDecision.maximumEvents else {
            throw AppError.invalidField(
                "ids", "At most \(SetAsideDecision.maximumEvents) events are decided at once.")
        }
        let filter = SetAsideFilter(
            org: try await org(named: order.org), reason: order.reason, ids: order.ids)
        guard !filter.isEmpty else {
            throw AppError(.invalid, "nothing_named", "Name an org, a reason or ids.")
        }
        return (filter, order.dryRun ?? true)
    }

    // MARK: Parameters

    func org(named name: String?) async throws -> UUID? {
        guard let name else { return nil }
        if let id = UUID(uuidString: name) { return id }
        return try await OrgStore(database: platform.database).require(slug: Slug(name)).id
    }

    private func word<Word: CaseIterable & RawRepresentable<String>>(
        _ text: Substring?, _ name: String, _: Word.Type
    ) throws -> Word? {
        guard let text else { return nil }
        guard let word = Word(rawValue: String(text)) else {
            throw AppError.invalidField(
                name, "One of: \(Word.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        return word
    }
}
