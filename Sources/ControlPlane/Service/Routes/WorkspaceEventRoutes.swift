import AdminProtocol
import Billing
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
        let all = try await WorkspaceEventStore(database: platform.quickReads.database).figures(days: days)
        let told = all.filter { $0.organisations >= WorkspaceEventStore.minimumOrganisations }
        return try Response.json(Figures(days: told, suppressed: all.count - told.count))
    }
}
