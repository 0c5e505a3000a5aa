import CurlHTTP
import FoundationEssentials

/// The envelope `{success,errors,messages,result}` around every answer.
extension CloudflareClient {
    private struct Envelope<Result: Decodable>: Decodable {
        var success: Bool
        var errors: [Failure]?
        var result: Result?
    }

    private struct Failure: Decodable {
        var code: Int
        var message: String
    }

    /// An answer whose result is not looked at.
    private struct Verdict: Decodable {
        var success: Bool
        var errors: [Failure]?
    }

    package func call<Result: Decodable>(
        _ operation: String, _ method: String, _ path: String, as result: Result.Type
    ) async throws -> Result {
        try await exchange(operation, method, path, body: nil, as: result)
    }

    package func call<Input: Encodable, Result: Decodable>(
        _ operation: String, _ method: String, _ path: String, _ input: Input, as result: Result.Type
    ) async throws -> Result {
        try await exchange(operation, method, path, body: Array(JSONEncoder.wire.encode(input)), as: result)
    }

    private func exchange<Result: Decodable>(
        _ operation: String, _ method: String, _ path: String, body: [UInt8]?, as _: Result.Type
    ) async throws -> Result {
        let limit = gate?.limits.limit(of: "cloudflare", operation, scope: "token-\(tokenNumber)")
        if let limit { try await gate?.admit(limit, operation) }
        let response = try await send(operation, method, path, body)
        CallLog.current?.note(
            CallRecord(operation: "cloudflare \(operation)", requestID: response.header("cf-ray")))
        if let limit, response.status == 429 {
            try await gate?.throttled(limit, retryAfter: response.retryAfter)
        }
        let data = Data(response.body)
        if let envelope = try? JSONDecoder().decode(Envelope<Result>.self, from: data), envelope.success,
            (200..<300).contains(response.status)
        {
            if let result = envelope.result { return result }
            if let empty = Result.self as? any ExpressibleByNilLiteral.Type,
                let none = empty.init(nilLiteral: ()) as? Result
            {
                return none
            }
        }
        throw failure(operation, response, data)
    }

    private func failure(_ operation: String, _ response: HTTPResponse, _ data: Data) -> ProviderError {
        let error = (try? JSONDecoder().decode(Verdict.self, from: data))?.errors?.first
        return ProviderError(
            service: "cloudflare", operation: operation, status: response.status,
            code: error.map { "\($0.code)" } ?? ProviderError.malformedCode,
            message: error?.message ?? "The answer is not what the API describes.",
            requestID: response.header("cf-ray"),
            mayHaveTakenEffect: response.status >= 500 || response.status == 200,
            retryAfter: response.retryAfter)
    }

    /// Largest answer that is read, in bytes: a page of a thousand connected tunnels.
    private static let maximumAnswerBytes = 8 << 20

    private func send(
        _ operation: String, _ method: String, _ path: String, _ body: [UInt8]?
    ) async throws -> HTTPResponse {
        var request = HTTPRequest(method, url + path)
        request.maximumResponseBytes = Self.maximumAnswerBytes
        request.headers = [HTTPField("Authorization", "Bearer \(apiToken)")]
        if let body {
            request.headers.append(HTTPField("Content-Type", "application/json"))
            request.body = body
        }
        do {
            return try await http.send(request)
        } catch let error as HTTPError {
            throw ProviderError(
                service: "cloudflare", operation: operation, code: "no_answer", message: "\(error)",
                mayHaveTakenEffect: error.mayHaveTakenEffect)
        }
    }
}

extension CloudflareClient {
    package init(
        _ settings: CloudflareSettings, _ place: CloudflarePlace,
        http: any HTTPTransport, gate: (any CallGate)? = nil
    ) {
        self.init(
            url: settings.apiURL, apiToken: place.apiToken ?? settings.apiToken,
            accountID: place.accountID, zoneID: place.zoneID, http: http, gate: gate,
            tokenNumber: settings.tokenNumber(of: place))
    }
}
