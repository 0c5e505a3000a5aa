import AdminProtocol
import FoundationEssentials
import Hummingbird
import Logging
import Providers

/// `application/problem+json` (RFC 9457), the body of every error.
struct Problem: Encodable, Sendable {
    var status: Int
    var title: String
    var detail: String
    var code: String
    var requestID: String
    /// Seconds.
    var retryAfter: Int?
    var members: [String: String]

    private struct Key: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        for (name, value) in members { try container.encode(value, forKey: Key(name)) }
        try container.encode("about:blank", forKey: Key("type"))
        try container.encode(status, forKey: Key("status"))
        try container.encode(title, forKey: Key("title"))
        try container.encode(detail, forKey: Key("detail"))
        try container.encode(code, forKey: Key("code"))
        try container.encode(requestID, forKey: Key("request_id"))
        try container.encodeIfPresent(retryAfter, forKey: Key("retry_after"))
    }
}

extension AppError.Kind {
    package var status: HTTPResponse.Status {
        switch self {
        case .invalid: .badRequest
        case .unauthorized: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .conflict: .conflict
        case .gone: .gone
        case .tooLarge: .contentTooLarge
        case .unsupportedMedia: .unsupportedMediaType
        case .unprocessable: .unprocessableContent
        case .tooManyRequests: .tooManyRequests
        case .notReady: .serviceUnavailable
        case .upstream: .badGateway
        case .internalError: .internalServerError
        }
    }
}

/// Turns every thrown error into a problem document: the one place where errors meet HTTP.
struct ProblemMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let failure = AppError(describing: error, path: request.uri.path)
            log(failure, of: request, context)
            return try failure.response(requestID: context.id)
        }
    }

    private func log(_ failure: AppError, of request: Request, _ context: AppContext) {
        let level: Logger.Level = failure.kind.status.code >= 500 ? .error : .info
        context.logger.log(
            level: level, "request refused",
            metadata: [
                "method": "\(request.method)", "path": "\(request.uri.path)",
                "status": "\(failure.kind.status.code)", "code": "\(failure.code)",
                "cause": "\(failure.cause.map { "\($0)" } ?? "-")",
            ])
    }
}

extension AppError {
    /// Errors of the layers below, in the words of this one.
    package init(describing error: any Error, path: String) {
        switch error {
        case let error as AppError:
            self = error
        case let error as any HTTPResponseError where error.status == .notFound:
            self = AppError(.notFound, "no_such_route", "There is no route \(path).")
        case let error as any HTTPResponseError where error.status == .contentTooLarge:
            self = AppError(
                .tooLarge, "body_too_large", "The body is larger than \(RequestBody.maximumBytes) bytes.")
        case let error as any HTTPResponseError where error.status.code < 500:
            self = AppError(.invalid, "bad_request", "The request could not be read.", cause: error)
        case let error as ProviderError:
            self = AppError(
                .upstream, "provider_failed",
                "\(error.service) did not do what it was asked for (\(error.code)). Try again shortly.",
                cause: error)
        default:
            self = AppError(
                .internalError, "internal", "Something failed here. The log has it under the request id.",
                cause: error)
        }
    }

    package func response(requestID: String) throws -> Response {
        let problem = Problem(
            status: kind.status.code, title: kind.status.reasonPhrase, detail: message, code: code,
            requestID: requestID, retryAfter: retryAfter, members: members)
        var response = try Response.json(problem, status: kind.status)
        response.headers[.contentType] = "application/problem+json"
        if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
        if kind == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}
