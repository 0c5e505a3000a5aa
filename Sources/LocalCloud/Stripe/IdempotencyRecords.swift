/// The answers that a key replays. Source: Stripe API, "Idempotent requests".
struct IdempotencyRecords: Sendable {
    /// Stripe keeps at least this.
    static let keptSeconds = 24 * 3600
    static let maximumKeyLength = 255

    struct Entry: Sendable {
        /// Method, path and parameters of the first call.
        var fingerprint: [UInt8]
        var answer: HTTPAnswer
        var since: Int
        /// Number of that call.
        var call: Int
    }

    private var entries: [String: Entry] = [:]
    /// Keys of calls that are not answered yet, with the number of the call.
    private var held: [String: Int] = [:]

    enum Claim: Sendable {
        case first
        case replay(HTTPAnswer)
    }

    /// - Throws: the key's other parameters, or its other call that is not answered yet.
    mutating func claim(_ key: String, by number: Int, _ fingerprint: [UInt8], at now: Int) throws -> Claim {
        guard key.utf8.count <= Self.maximumKeyLength else {
            throw StripeError(
                type: "idempotency_error",
                message: "Idempotency keys are at most \(Self.maximumKeyLength) characters.")
        }
        if let entry = entries[key], now - entry.since < Self.keptSeconds {
            guard entry.fingerprint == fingerprint else {
                throw StripeError(
                    type: "idempotency_error",
                    message: "Keys for idempotent requests can only be used with the same parameters they "
                        + "were first used with. Try using a key other than '\(key)' if you meant to execute "
                        + "a different request.",
                    headers: [("Stripe-Should-Retry", "false")])
            }
            var answer = entry.answer
            answer.headers.append(("Idempotent-Replayed", "true"))
            return .replay(answer)
        }
        if let other = held[key], other != number {
            throw StripeError(
                status: 409, type: "idempotency_error", code: "idempotency_key_in_use",
                message: "There is currently another in-progress request using this Idempotency-Key (that "
                    + "probably means you submitted twice, and the other request is still going through): "
                    + "\(key). Please try again later.",
                headers: [("Stripe-Should-Retry", "true")])
        }
        return .first
    }

    /// From when the call arrives until it is answered.
    mutating func hold(_ key: String, by number: Int) { if held[key] == nil { held[key] = number } }

    mutating func release(_ key: String, by number: Int) { if held[key] == number { held[key] = nil } }

    /// Kept for every call that began to be carried out: also a declined card and an error of the server's
    /// own, which the same key then gives again. What was refused before leaves the key free. What the call
    /// is answered in the end replaces what it was about to be answered.
    mutating func keep(
        _ key: String, by number: Int, _ fingerprint: [UInt8], _ answer: HTTPAnswer, at now: Int
    ) {
        guard answer.status < 300 || answer.status == 402 || answer.status == 500 else { return }
        if let entry = entries[key], entry.call != number, now - entry.since < Self.keptSeconds { return }
        entries[key] = Entry(fingerprint: fingerprint, answer: answer, since: now, call: number)
        guard entries.count.isMultiple(of: 1000) else { return }
        entries = entries.filter { now - $0.value.since < Self.keptSeconds }
    }
}
