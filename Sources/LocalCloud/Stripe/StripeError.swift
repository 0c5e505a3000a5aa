/// An error as Stripe gives it. Source: Stripe API, "Errors".
struct StripeError: Error, Sendable {
    var status = 400
    var type = "invalid_request_error"
    var code: String?
    var message: String
    /// The parameter that is wrong, as `items[0][price]`.
    var param: String?
    var declineCode: String?
    var headers: [(name: String, value: String)] = []

    static let documentation = "https://docs.stripe.com/error-codes"

    static func missing(_ param: String) -> StripeError {
        StripeError(code: "parameter_missing", message: "Missing required param: \(param).", param: param)
    }

    static func unknown(_ param: String) -> StripeError {
        StripeError(
            code: "parameter_unknown", message: "Received unknown parameter: \(param)", param: param)
    }

    static func invalid(_ param: String, _ message: String, code: String? = nil) -> StripeError {
        StripeError(code: code, message: message, param: param)
    }

    /// - Parameter param: where a parameter names it; nil where the path does.
    static func noSuch(_ kind: String, _ id: String, param: String? = nil) -> StripeError {
        StripeError(
            status: param == nil ? 404 : 400, code: "resource_missing", message: "No such \(kind): '\(id)'",
            param: param ?? "id")
    }

    static func unexpected(_ message: String) -> StripeError {
        StripeError(code: "resource_state_invalid", message: message)
    }

    static let declined = StripeError(
        status: 402, type: "card_error", code: "card_declined", message: "Your card was declined.",
        declineCode: "generic_decline")

    static let internalError = StripeError(
        status: 500, type: "api_error", message: "An unknown error occurred",
        headers: [("Stripe-Should-Retry", "false")])

    static let unavailable = StripeError(
        status: 503, type: "api_error", message: "Stripe is temporarily unavailable",
        headers: [("Stripe-Should-Retry", "true")])

    /// - Parameter seconds: said in Retry-After.
    static func tooManyRequests(retryAfter seconds: Int) -> StripeError {
        StripeError(
            status: 429, code: "rate_limit",
            message: "Request rate limit exceeded. Learn more about rate limits: docs.stripe.com/rate-limits",
            headers: [("Retry-After", String(max(1, seconds))), ("Stripe-Should-Retry", "true")])
    }

    static func noRoute(_ method: String, _ path: String) -> StripeError {
        StripeError(status: 404, message: "Unrecognized request URL (\(method): \(path)).")
    }

    var answer: HTTPAnswer {
        var members: [String: JSONValue] = ["type": .string(type), "message": .string(message)]
        members["code"] = code.map { .string($0) }
        members["doc_url"] = code.map { .string("\(Self.documentation)#\($0.replacing("_", with: "-"))") }
        members["param"] = param.map { .string($0) }
        members["decline_code"] = declineCode.map { .string($0) }
        var answer = HTTPAnswer.json(status, ["error": .object(members)])
        answer.headers = headers
        return answer
    }
}
