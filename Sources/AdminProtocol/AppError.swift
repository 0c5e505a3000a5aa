/// What went wrong, as a caller may know it: the one error type of the service.
///
/// `message` tells the caller what to do and never holds a secret; `cause` is for the log alone.
package struct AppError: Error, Sendable {
    package enum Kind: String, Sendable {
        case invalid, unauthorized, forbidden, notFound = "not_found", conflict, gone
        case tooLarge = "too_large", unsupportedMedia = "unsupported_media", unprocessable
        case tooManyRequests = "too_many_requests", notReady = "not_ready", upstream, internalError =
            "internal"
    }

    package var kind: Kind
    /// Machine-readable and stable, `snake_case`.
    package var code: String
    package var message: String
    package var cause: (any Error)?
    /// Seconds, sent as `Retry-After`.
    package var retryAfter: Int?
    /// Extra members of the problem document, for example the id of the redeploy that stands in the way.
    package var members: [String: String] = [:]

    package init(
        _ kind: Kind, _ code: String, _ message: String, cause: (any Error)? = nil, retryAfter: Int? = nil,
        members: [String: String] = [:]
    ) {
        self.kind = kind
        self.code = code
        self.message = message
        self.cause = cause
        self.retryAfter = retryAfter
        self.members = members
    }
}

extension AppError {
    package static func orgNotFound(_ slug: String) -> AppError {
        AppError(.notFound, "org_not_found", "There is no organisation \"\(slug)\".")
    }

    /// One answer for every way in which a credential can be wrong, so that none tells more than another.
    package static let unauthenticated = AppError(
        .unauthorized, "unauthenticated",
        "The credential is missing, unknown, expired or of another audience.")

    package static func invalidField(_ field: String, _ message: String) -> AppError {
        AppError(.invalid, "invalid_\(field)", message, members: ["field": field])
    }
}
