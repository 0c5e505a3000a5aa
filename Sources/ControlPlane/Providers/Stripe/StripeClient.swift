import CurlHTTP
import FoundationEssentials
import WireText

/// Calls of Stripe's API: forms out, JSON in. Source: Stripe API reference.
///
/// Every POST carries an Idempotency-Key that says what is being done, so that a call whose answer was lost
/// is sent again as it was: Stripe keeps a key and its answer for at least 24 hours. After that an unknown
/// outcome is looked up, never sent again.
package struct StripeClient: Sendable {
    /// The one version whose shapes are read here, whatever the account's default is.
    package static let version = "2026-10-28.endive"
    /// For how long Stripe certainly remembers a key, less an hour for clocks and queues.
    package static let keyLifetime: Duration = .seconds(23 * 3_600)
    /// Longest key that Stripe takes, in characters.
    package static let maximumKeyLength = 255
    /// Objects of one page of a list, the most that Stripe gives.
    package static let pageSize = 100

    /// Base, without `/v1`.
    package let url: String
    /// Restricted to what the platform calls. Goes into one header, and nowhere else.
    private let secretKey: String
    package let http: any HTTPTransport
    /// nil: nobody else calls, as in a tool without a database.
    package let gate: (any CallGate)?

    package init(url: String, secretKey: String, http: any HTTPTransport, gate: (any CallGate)? = nil) {
        self.url = url
        self.secretKey = secretKey
        self.http = http
        self.gate = gate
    }

    /// Whether real money moves; by the key's prefix: `sk_live_`, `rk_live_`.
    package var isLive: Bool { secretKey.contains("_live_") }

    /// - Parameters:
    ///   - operation: for people and for the ledger, as `createCustomer`.
    ///   - path: with its `/v1`; ids in it are Stripe's own.
    ///   - form: the query of a GET or DELETE, the body of a POST.
    ///   - idempotencyKey: the same for the same deed; required for a POST.
    /// - Throws: `ProviderError`: `isThrottle` where Stripe wants to be left alone, `mayHaveTakenEffect`
    ///   where the outcome is not known, `isRetryable` where asking again with the same key makes sense.
    package func send<Answer: Decodable>(
        _ operation: String, _ method: String, _ path: String, _ form: StripeForm = [:],
        idempotencyKey: String? = nil, as _: Answer.Type
    ) async throws -> Answer {
        precondition(method != "POST" || idempotencyKey != nil, "a POST without an Idempotency-Key")
        let limit = gate?.limits.limit(of: "stripe", group(method), scope: isLive ? "live" : "test")
        if let limit { try await gate?.admit(limit, operation) }
        let response = try await exchange(operation, request(method, path, form, idempotencyKey))
        CallLog.current?.note(
            CallRecord(operation: "stripe \(operation)", requestID: response.header("Request-Id")))
        if let limit, response.status == 429 {
            try await gate?.throttled(limit, retryAfter: response.retryAfter)
        }
        guard (200..<300).contains(response.status),
            let answer = try? JSONDecoder().decode(Answer.self, from: Data(response.body))
        else { throw failure(operation, response) }
        return answer
    }

    /// Reads and writes have a limit each, and test mode has smaller ones.
    private func group(_ method: String) -> String {
        (isLive ? "" : "Test") + (method == "GET" ? "Read" : "Write")
    }
}

extension StripeClient {
    /// Largest answer that is read, in bytes: a page of subscriptions with their items.
    private static let maximumAnswerBytes = 8 << 20
    /// Stripe's own clients wait 80 s; a payment method that is asked in between may be slow.
    private static let timeout: Duration = .seconds(60)

    private func request(
        _ method: String, _ path: String, _ form: StripeForm, _ key: String?
    ) -> HTTPRequest {
        let isBody = method == "POST"
        let query =
            isBody || form.isEmpty ? "" : "?" + FormText.encode(form.pairs.map { (name: $0, value: $1) })
        var request = HTTPRequest(method, url + path + query)
        request.timeout = Self.timeout
        request.maximumResponseBytes = Self.maximumAnswerBytes
        request.headers = [
            HTTPField("Authorization", "Bearer \(secretKey)"), HTTPField("Stripe-Version", Self.version),
        ]
        if let key {
            request.headers.append(HTTPField("Idempotency-Key", String(key.prefix(Self.maximumKeyLength))))
        }
        if isBody {
            request.headers.append(HTTPField("Content-Type", "application/x-www-form-urlencoded"))
            request.body = FormBody.encode(form.pairs)
        }
        return request
    }

    private func exchange(_ operation: String, _ request: HTTPRequest) async throws -> HTTPResponse {
        do {
            return try await http.send(request)
        } catch let error as HTTPError {
            throw ProviderError(
                service: "stripe", operation: operation, code: "no_answer", message: "\(error)",
                mayHaveTakenEffect: error.mayHaveTakenEffect)
        }
    }

    private struct Refusal: Decodable {
        struct Reason: Decodable {
            var type: String?
            var code: String?
            var message: String?
        }
        var error: Reason
    }

    /// 409 of a key in use: the first call is still under way. 5xx and what cannot be read: not known.
    private func failure(_ operation: String, _ response: HTTPResponse) -> ProviderError {
        let reason = (try? JSONDecoder().decode(Refusal.self, from: Data(response.body)))?.error
        let status = response.status
        // What Stripe says of a wrong key repeats parts of it.
        let message = status == 401 ? "The key was refused." : reason?.message
        return ProviderError(
            service: "stripe", operation: operation, status: status,
            code: reason?.code ?? reason?.type ?? ProviderError.malformedCode,
            message: message ?? "The answer is not what the API describes.",
            requestID: response.header("Request-Id"),
            mayHaveTakenEffect: status >= 500 || status == 409 || (200..<300).contains(status),
            retryAfter: response.retryAfter)
    }
}

extension ProviderError {
    /// Stripe keeps this answer under the call's key, and gives it again for as long as it knows the key. The
    /// call may have taken effect: what it was to make is looked for, and then made under another key.
    /// Source: Stripe API reference, "Idempotent requests".
    package var isKeptUnderKey: Bool { service == "stripe" && status == 500 }

    /// What Stripe was asked about does not exist there.
    package var isMissingAtStripe: Bool {
        service == "stripe" && (status == 404 || code == "resource_missing")
    }
}
