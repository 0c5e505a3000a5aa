import HTTPTypes
import Hummingbird

/// Cross-origin requests of browsers (CORS, as the Fetch standard has it): only from the configured origins,
/// named one by one, and only to what browser users may call.
///
/// Operators' and tenants' routes answer no preflight: their callers are no browsers.
struct CrossOrigin: RouterMiddleware {
    /// As a browser sends them in `Origin`: scheme, host and port.
    let origins: Set<String>

    static let methods = "GET, POST, PUT, PATCH, DELETE"
    static let requestHeaders = "Authorization, Content-Type"
    static let answerHeaders = "Retry-After, X-Request-Id"
    /// Seconds for which a browser remembers a preflight's answer.
    static let maximumAge = 600
    private static let prefixes = ["/cp/auth/", "/cp/orgs", "/cp/billing/", "/cp/legal/", "/cp/invitations"]

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        guard let origin = allowedOrigin(of: request) else {
            var response = try await next(request, context)
            if isForBrowsers(request) { response.headers[.vary] = "Origin" }
            return response
        }
        let isPreflight = request.method == .options && request.headers[.accessControlRequestMethod] != nil
        var response = isPreflight ? preflight() : try await next(request, context)
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlAllowCredentials] = "true"
        response.headers[.accessControlExposeHeaders] = Self.answerHeaders
        response.headers[.vary] = "Origin"
        return response
    }

    private func preflight() -> Response {
        Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: Self.methods, .accessControlAllowHeaders: Self.requestHeaders,
                .accessControlMaxAge: "\(Self.maximumAge)",
            ])
    }

    private func allowedOrigin(of request: Request) -> String? {
        guard isForBrowsers(request), let origin = request.headers[.origin] else { return nil }
        return origins.contains(origin) ? origin : nil
    }

    private func isForBrowsers(_ request: Request) -> Bool {
        Self.prefixes.contains { request.uri.path.hasPrefix($0) }
    }
}
