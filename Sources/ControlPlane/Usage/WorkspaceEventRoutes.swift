import FoundationEssentials
import Hummingbird
import Postgres
import TenantProtocol

/// What becomes of workspaces: what tenants report, and figures across organisations that name none.
struct WorkspaceEventRoutes: Sendable {
    let platform: Platform

    struct Batch: RequestFields {
        var events: [ClosedWorkspaceEvent]

        enum CodingKeys: String, CodingKey, CaseIterable { case events }
    }

    /// `POST /cp/workspace-events`, as `WorkspaceEventBatch` says.
    func report(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try context.tenant().orgID
        // As the sender of both routes packs both.
        let body = try await GzipBody.read(request, limit: RequestBody.maximumBytes)
        let batch = try RequestBody.decode(Batch.self, from: Data(body))
        guard batch.events.count <= WorkspaceEventBatch.maximumEvents else {
            throw AppError(
                .tooLarge, "too_many_events",
                "A batch has at most \(WorkspaceEventBatch.maximumEvents) events.",
                members: ["limit": "\(WorkspaceEventBatch.maximumEvents)"])
        }
        try await WorkspaceEventStore(database: platform.database).insert(batch.events, org: org)
        return Response(status: .noContent)
    }

    static let dayLimits = 1...366
    static let defaultDays = 30

    private struct Figures: Encodable {
        var days: [WorkspaceEventStore.Figure]
        /// Of the same time, groups that are not told: of fewer than five organisations.
        var suppressed: Int
    }

    /// `GET /cp/admin/analytics/workspaces?days=`
    func figures(_ request: Request, _ context: AppContext) async throws -> Response {
        let days = try request.number("days", in: Self.dayLimits) ?? Self.defaultDays
        let all = try await WorkspaceEventStore(database: platform.quickReads).figures(days: days)
        let told = all.filter { $0.organisations >= WorkspaceEventStore.minimumOrganisations }
        return try Response.json(Figures(days: told, suppressed: all.count - told.count))
    }
}

/// An event with the fields of the vocabulary and no others.
struct ClosedWorkspaceEvent: Decodable, Sendable {
    let id: UUID
    let workspaceID: UUID
    let kind: WorkspaceEvent.Kind
    /// Microseconds since 1970.
    let occurredAt: Int

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int?
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
        let names = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        let known = WorkspaceEvent.CodingKeys.allCases.map(\.rawValue)
        guard Set(names).isSubset(of: known) else {
            throw AppError(
                .invalid, "unknown_field",
                "An event has \(known.joined(separator: ", ")), and nothing else.")
        }
        let event = try WorkspaceEvent(from: decoder)
        var time = event.occurredAt
        guard let id = UUID(uuidString: event.id), let workspaceID = UUID(uuidString: event.workspaceID),
            let occurredAt = time.withUTF8({ RFC3339.microseconds($0) })
        else {
            throw AppError.invalidField(
                "events", "An event's id and workspace_id are UUIDs, its occurred_at a time of RFC 3339.")
        }
        (self.id, self.workspaceID, kind) = (id, workspaceID, event.kind)
        self.occurredAt = occurredAt
    }
}
