import Hummingbird

/// Lets in only requests that name this tenant's org; anyone else learns nothing, not even that something
/// is here: 404. Off on a self-hosted tenant, which has no org's id.
struct TenantGuard<Context: RequestContext>: RouterMiddleware {
    let orgID: String?

    private static var openPaths: Set<String> {
        ["/health", "/metrics", "/registry/register", "/registry/heartbeat"]
    }

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard admits(request) else { throw Problem.notFound }
        return try await next(request, context)
    }

    private func admits(_ request: Request) -> Bool {
        guard let orgID else { return true }
        let path = request.uri.path
        // The routes behind /cp/ are the platform's: it asks for its own credentials.
        if Self.openPaths.contains(path) || PlatformProxy.allows(path) { return true }
        return request.headers[values: .orgID] == [orgID]
    }
}
