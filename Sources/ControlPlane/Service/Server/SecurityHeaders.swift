import HTTPTypes
import Hummingbird

/// What every answer tells a browser: that nothing here is a page to be framed, guessed at or referred from.
///
/// A route that answers with a page sets its own `Content-Security-Policy`, which stays.
struct SecurityHeaders: RouterMiddleware {
    /// Two years, as the preload lists ask for.
    static let transportSecurity = "max-age=63072000; includeSubDomains"
    static let contentPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"

    /// Whether the service is reached over https.
    let isSecure: Bool

    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.frameOptions] = "DENY"
        response.headers[.crossOriginResourcePolicy] = "same-site"
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = Self.contentPolicy
        }
        if isSecure { response.headers[.strictTransportSecurity] = Self.transportSecurity }
        return response
    }
}

extension HTTPField.Name {
    static let referrerPolicy = HTTPField.Name("Referrer-Policy")!
    static let frameOptions = HTTPField.Name("X-Frame-Options")!
    static let crossOriginResourcePolicy = HTTPField.Name("Cross-Origin-Resource-Policy")!
}
