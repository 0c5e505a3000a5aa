import FoundationEssentials
import Hummingbird
import NIOCore

/// What workspaces say of themselves: `POST /registry/register|heartbeat|remove` with
/// `{"workspace_id":"..."}`.
struct RegistryRoutes: Sendable {
    let registry: WorkspaceRegistry

    static let maximumBodyBytes = 4_096

    private struct Order: Decodable {
        var workspaceID: String

        enum CodingKeys: String, CodingKey { case workspaceID = "workspace_id" }
    }

    private struct Registered: Encodable {
        var heartbeatSeconds = WorkspaceRegistry.heartbeatSeconds

        enum CodingKeys: String, CodingKey { case heartbeatSeconds = "heartbeat_seconds" }
    }

    /// 200; 402 or 403 where the organisation may not have it.
    func register(_ request: Request) async throws -> Response {
        try await registry.register(try await Self.id(request))
        return jsonResponse(Registered())
    }

    /// 204; 404 for one that is to register, as after this server began anew.
    func heartbeat(_ request: Request) async throws -> Response {
        guard await registry.heartbeat(try await Self.id(request)) else {
            throw Problem(status: .notFound, detail: "this workspace is not registered: register it")
        }
        return Response(status: .noContent)
    }

    /// 204, however often it is told.
    func remove(_ request: Request) async throws -> Response {
        await registry.remove(try await Self.id(request))
        return Response(status: .noContent)
    }

    private static func id(_ request: Request) async throws -> String {
        try InsideOnly.check(request)
        let body = try await request.body.collect(upTo: maximumBodyBytes)
        guard
            let order = try? JSONDecoder().decode(Order.self, from: Data(Array(body.readableBytesView))),
            let id = UUID(uuidString: order.workspaceID)
        else { throw Problem(status: .badRequest, detail: "the body is {\"workspace_id\":\"<UUID>\"}") }
        return id.uuidString.lowercased()
    }
}
