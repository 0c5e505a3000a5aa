import AWSSigV4
import CurlHTTP
import FoundationEssentials

/// One signed request to an AWS service, and its answer. Never repeats a call: the workflow decides that.
package struct AWSConnection: Sendable {
    package let region: String
    package let credentials: Credentials
    /// One endpoint for every service; nil: `https://<service>.<region>.amazonaws.com`.
    package let endpointURL: String?
    package let http: any HTTPTransport
    /// nil: nobody else calls, as in a tool without a database.
    package var gate: (any CallGate)?

    package init(
        region: String, credentials: Credentials, endpointURL: String?, http: any HTTPTransport,
        gate: (any CallGate)? = nil
    ) {
        self.region = region
        self.credentials = credentials
        self.endpointURL = endpointURL
        self.http = http
        self.gate = gate
    }

    package struct Call: Sendable {
        package var service: String
        package var operation: String
        package var contentType: String
        package var headers: [HTTPField] = []
        package var body: [UInt8]
        package var timeout: Duration = .seconds(30)

        package init(
            service: String, operation: String, contentType: String, headers: [HTTPField] = [], body: [UInt8],
            timeout: Duration = .seconds(30)
        ) {
            self.service = service
            self.operation = operation
            self.contentType = contentType
            self.headers = headers
            self.body = body
            self.timeout = timeout
        }
    }

    package struct Answer: Sendable {
        package var body: [UInt8]
        package var requestID: String?

        package init(body: [UInt8], requestID: String? = nil) {
            self.body = body
            self.requestID = requestID
        }
    }

    /// Largest answer that is read, in bytes.
    static let maximumAnswerBytes = 8 << 20

    /// - Throws: `ProviderError`, with the code and message that `parseError` finds in an error's body.
    package func send(_ call: Call, parseError: ([UInt8]) -> (code: String, message: String)?) async throws
        -> Answer
    {
        let limit = gate?.limits.limit(of: call.service, call.operation, scope: region)
        if let limit { try await gate?.admit(limit, call.operation) }
        let response = try await exchange(call)
        let requestID = response.header("x-amzn-RequestId") ?? response.header("x-amz-request-id")
        CallLog.current?.note(
            CallRecord(operation: "\(call.service) \(call.operation)", requestID: requestID))
        guard response.status == 200 else {
            let error = failure(call, response, requestID, parseError(response.body))
            if let limit, error.isThrottle {
                try await gate?.throttled(limit, retryAfter: error.retryAfter)
            }
            throw error
        }
        return Answer(body: response.body, requestID: requestID)
    }

    private func failure(
        _ call: Call, _ response: HTTPResponse, _ requestID: String?,
        _ error: (code: String, message: String)?
    ) -> ProviderError {
        let (code, message) = error ?? ("unknown", "The answer could not be read.")
        return ProviderError(
            service: call.service, operation: call.operation, status: response.status, code: code,
            message: firstLine(message), requestID: requestID,
            mayHaveTakenEffect: response.status >= 500, retryAfter: response.retryAfter)
    }

    private func exchange(_ call: Call) async throws -> HTTPResponse {
        var request = HTTPRequest("POST", endpoint(of: call.service) + "/")
        request.headers = try signedHeaders(call)
        request.body = call.body
        request.timeout = call.timeout
        request.maximumResponseBytes = Self.maximumAnswerBytes
        do {
            return try await http.send(request)
        } catch HTTPError.cancelled {
            throw CancellationError()
        } catch let error as HTTPError {
            throw ProviderError(
                service: call.service, operation: call.operation, code: "no_answer", message: "\(error)",
                mayHaveTakenEffect: error.mayHaveTakenEffect)
        }
    }

    private func signedHeaders(_ call: Call) throws -> [HTTPField] {
        let fields =
            [HTTPField("Host", host(of: call.service)), HTTPField("Content-Type", call.contentType)]
            + call.headers
        let signer = Signer(credentials: credentials, region: region, service: call.service)
        let request = SigningRequest(
            method: "POST", headers: fields.map { SigningHeader($0.name, $0.value) }, body: call.body)
        let now = SigningDate(unixSeconds: Int(Date().timeIntervalSince1970))
        let signature = try signer.sign(request, at: now)
        return fields + signature.headers.map { HTTPField($0.name, $0.value) }
    }

    package func endpoint(of service: String) -> String {
        guard let url = endpointURL else {
            // ECR's API stands beside the registries themselves, which have the service's own name.
            let name = service == "ecr" ? "api.ecr" : service
            return "https://\(name).\(region).amazonaws.com"
        }
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    /// AWS repeats what it expected to be signed, with the session token in it, after the first line.
    private func firstLine(_ message: String) -> String { String(message.prefix { !$0.isNewline }) }

    private func host(of service: String) -> String {
        let address = endpoint(of: service).split(separator: "/", omittingEmptySubsequences: true)
        return address.count > 1 ? String(address[1]) : ""
    }
}

extension AWSConnection {
    package init(_ settings: AWSSettings, http: any HTTPTransport, gate: (any CallGate)? = nil) {
        self.init(
            region: settings.region,
            credentials: Credentials(
                accessKeyID: settings.accessKeyID, secretAccessKey: settings.secretAccessKey,
                sessionToken: settings.sessionToken),
            endpointURL: settings.endpointURL, http: http, gate: gate)
    }
}

/// The JSON protocol 1.1 of SSM, KMS and ECR.
extension AWSConnection {
    private struct ErrorBody: Decodable {
        var type: String
        var message: String

        private enum CodingKeys: String, CodingKey {
            case type = "__type"
            case message
            case capitalMessage = "Message"
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            type = try container.decode(String.self, forKey: .type)
            message =
                try container.decodeIfPresent(String.self, forKey: .message)
                ?? container.decodeIfPresent(String.self, forKey: .capitalMessage) ?? ""
        }
    }

    /// - Parameter target: the service's name in `X-Amz-Target`, for example `AmazonSSM`.
    package func json<Input: Encodable, Output: Decodable>(
        _ service: String, target: String, _ operation: String, _ input: Input, as _: Output.Type
    ) async throws -> Output {
        let call = Call(
            service: service, operation: operation, contentType: "application/x-amz-json-1.1",
            headers: [HTTPField("X-Amz-Target", "\(target).\(operation)")],
            body: Array(try JSONEncoder.wire.encode(input)))
        let answer = try await send(call) { body in
            // Some front ends answer in XML whatever was asked.
            guard let error = try? JSONDecoder().decode(ErrorBody.self, from: Data(body)) else {
                return XMLErrorAnswer.parse(body)
            }
            return (error.type.split(separator: "#").last.map(String.init) ?? error.type, error.message)
        }
        do {
            return try JSONDecoder().decode(Output.self, from: Data(answer.body))
        } catch {
            throw ProviderError(
                service: service, operation: operation, status: 200, code: ProviderError.malformedCode,
                message: "The answer is not what the API describes.", requestID: answer.requestID,
                mayHaveTakenEffect: true)
        }
    }
}
