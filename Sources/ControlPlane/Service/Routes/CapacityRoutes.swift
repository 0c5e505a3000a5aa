import Fleet
import Hummingbird

/// `GET /cp/admin/capacity`
struct CapacityRoutes: Sendable {
    let platform: Platform

    func show(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await Capacity(of: platform.fleet))
    }
}
