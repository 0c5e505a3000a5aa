import Arithmetic
import CurlHTTP

/// A provider did not do what it was asked to. Holds the provider's own words, never what was sent.
package struct ProviderError: Error, Sendable, CustomStringConvertible {
    package var service: String
    package var operation: String
    /// HTTP status; nil when no answer came.
    package var status: Int?
    /// The provider's own code, for example `InvalidInstanceID.NotFound` or `1003`; `no_answer` without an
    /// answer.
    package var code: String
    package var message: String
    package var requestID: String?
    /// False only when the call certainly changed nothing.
    package var mayHaveTakenEffect: Bool
    /// What the provider asked to be left alone for.
    package var retryAfter: Duration?

    package init(
        service: String, operation: String, status: Int? = nil, code: String, message: String,
        requestID: String? = nil, mayHaveTakenEffect: Bool, retryAfter: Duration? = nil
    ) {
        self.service = service
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.requestID = requestID
        self.mayHaveTakenEffect = mayHaveTakenEffect
        self.retryAfter = retryAfter
    }

    /// Source: the services' API references, "Common errors".
    private static let throttleCodes: Set<String> = [
        "RequestLimitExceeded", "Throttling", "ThrottlingException", "TooManyRequestsException", "SlowDown",
        "EC2ThrottledException",
    ]

    /// Another request with the same key, or for the same object, is still under way. Source: Stripe API
    /// reference, "Error codes".
    private static let busyCodes: Set<String> = ["idempotency_key_in_use", "lock_timeout"]

    var isThrottle: Bool { status == 429 || Self.throttleCodes.contains(code) }

    /// An answer of which nothing can be read: cut short, or from a proxy on the way.
    static let malformedCode = "malformed_answer"

    /// Worth asking again: no answer, an unreadable one, a throttle, or a fault on the provider's side. Never
    /// another 4xx.
    package var isRetryable: Bool {
        isThrottle || (status ?? 500) >= 500 || code == Self.malformedCode || Self.busyCodes.contains(code)
    }

    /// The provider does not know what it was asked about. Sources: Amazon EC2 and Systems Manager API
    /// References, errors; Cloudflare answers 404.
    package var isMissing: Bool {
        status == 404 || code == "InvalidInstanceId" || code.hasSuffix(".NotFound")
    }

    /// It is missing, and this platform has created it: the provider will show it. What else a provider does
    /// not know (an AMI, a subnet, a group, a key, a zone) will not come by itself. Sources: as of
    /// `isMissing`; Cloudflare answers 7000 and 7003 where the path names no account or zone of its own.
    package var mayAppear: Bool {
        switch service {
        case "ec2":
            ["InvalidInstanceID.NotFound", "InvalidVolume.NotFound", "InvalidSnapshot.NotFound"]
                .contains(code)
        case "ssm": code == "InvalidInstanceId"
        case "cloudflare": status == 404 && !["7000", "7003"].contains(code)
        default: false
        }
    }

    /// The provider says that it exists, and does not show it: asked again, it will.
    package var notVisibleYet: ProviderError {
        var error = self
        (error.status, error.code) = (nil, "not_visible_yet")
        return error
    }

    /// Longest text of a provider that is kept, in characters.
    static let maximumMessageLength = 500

    package var description: String {
        let answer = status.map { "HTTP \($0)" } ?? "no answer"
        let request = requestID.map { ", request \($0)" } ?? ""
        let text = message.prefix(Self.maximumMessageLength)
        return "\(service) \(operation): \(answer), \(code): \(text)\(request)"
    }
}

extension HTTPResponse {
    /// Longest pause that a provider is granted: what names a longer one is asked again after an hour.
    static let longestRetryAfter: Duration = .seconds(3_600)

    /// `Retry-After` in seconds; its form as a date is not used by the providers.
    package var retryAfter: Duration? {
        header("Retry-After").flatMap { Int($0) }
            .map { max(.zero, min(Self.longestRetryAfter, .bounded(seconds: $0))) }
    }
}
