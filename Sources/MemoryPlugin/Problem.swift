import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import Postgres

/// An error as RFC 9457 `application/problem+json`.
struct Problem: Error, Sendable {
    var status: HTTPResponse.Status
    var detail: String

    static func invalid(_ detail: String) -> Problem { Problem(status: .badRequest, detail: detail) }

    /// What a client may know of any error; nil for one that is this service's own.
    init?(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case is NIOTooManyBytesError:
            self.init(status: .contentTooLarge, detail: "the body is longer than \(maximumBodyBytes) bytes")
        case is DecodingError:
            self.init(status: .badRequest, detail: "the body is not the JSON that this route takes")
        case let error as PostgresError where error.isConnectionFailure || error.isPoolExhausted:
            self.init(status: .serviceUnavailable, detail: "the database does not answer")
        // Class 22, data exception: what JSON can say and jsonb cannot hold, a NUL or a huge number.
        case let error as PostgresError where error.sqlState.hasPrefix("22"):
            self.init(status: .badRequest, detail: "the database cannot hold a value of the body")
        case let error as any HTTPResponseError:
            self.init(status: error.status, detail: error.status.reasonPhrase)
        default: return nil
        }
    }

    init(status: HTTPResponse.Status, detail: String) {
        self.status = status
        self.detail = detail
    }

    var response: Response {
        struct Body: Encodable {
            var type = "about:blank"
            var title: String
            var status: Int
            var detail: String
        }
        let body = Body(title: status.reasonPhrase, status: status.code, detail: detail)
        return jsonResponse(body, status: status, type: "application/problem+json")
    }
}

/// Catches every error of the routes inside it.
struct ProblemMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            if let problem = Problem(error) { return problem.response }
            context.logger.error("request failed", metadata: ["error": "\(error)"])
            return Problem(status: .internalServerError, detail: "this is an error of the service").response
        }
    }
}

func jsonResponse(
    _ value: some Encodable, status: HTTPResponse.Status = .ok, type: String = "application/json"
) -> Response {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    guard let data = try? encoder.encode(value) else { return Response(status: .internalServerError) }
    return Response(
        status: status, headers: [.contentType: type],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
}
