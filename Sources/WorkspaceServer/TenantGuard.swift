import HTTPTypes
import Hummingbird
import PushSignature

/// Lets in only requests that name this tenant's org; anyone else learns nothing, not even that something
/// is here: 404. Off on a self-hosted tenant, which has no org's id.
enum TenantAdmission {
    private static let openPaths: Set<String> = [
        "/health", "/metrics", "/registry/register", "/registry/heartbeat", "/registry/remove",
        // Signed by the platform.
        SettingsPush.path,
    ]

    static func admits(_ orgID: String?, path: String, _ headers: HTTPFields) -> Bool {
        guard let orgID else { return true }
        // The routes behind /cp/ are the platform's: it asks for its own credentials.
        if openPaths.contains(path) || PlatformProxy.allows(path) { return true }
        return headers[values: .orgID] == [orgID]
    }
}

struct TenantGuard<Context: RequestContext>: RouterMiddleware {
    let orgID: String?

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard TenantAdmission.admits(orgID, path: request.uri.path, request.headers) else {
            throw Problem.notFound
        }
        return try await next(request, context)
    }
}
