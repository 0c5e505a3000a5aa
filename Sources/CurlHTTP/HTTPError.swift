import CCurl

/// Why there is no answer.
package enum HTTPError: Error, Sendable, Equatable {
    /// The request breaks a rule or a limit of this client; nothing was sent.
    case invalidRequest(String)
    /// No connection came about (name, route, refused, connect timeout); nothing was sent.
    case connectionFailed(String)
    /// The handshake failed: untrusted certificate, wrong host name, too old a version; nothing was sent.
    case tls(String)
    /// The request was sent, or was being sent, when its total time was up.
    case timedOut
    /// The answer was longer than the request allows; limit in bytes.
    case responseTooLarge(limit: Int)
    /// The connection broke while the request was under way.
    case interrupted(String)
    /// The calling task was cancelled.
    case cancelled
    /// The client had been shut down before the request began.
    case closed

    /// False only when the request certainly never reached the server.
    package var mayHaveTakenEffect: Bool {
        switch self {
        case .invalidRequest, .connectionFailed, .tls, .closed: false
        case .timedOut, .responseTooLarge, .interrupted, .cancelled: true
        }
    }
}

extension HTTPError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .invalidRequest(let why): "invalid request: \(why)"
        case .connectionFailed(let why): "connection failed: \(why)"
        case .tls(let why): "TLS failed: \(why)"
        case .timedOut: "timed out"
        case .responseTooLarge(let limit): "the answer is longer than \(limit) bytes"
        case .interrupted(let why): "interrupted: \(why)"
        case .cancelled: "cancelled"
        case .closed: "the client is shut down"
        }
    }
}

extension HTTPError {
    /// - Parameter sent: whether any byte of the request left this process.
    init(code: CURLcode, message: String, sent: Bool) {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL:
            // Once something was sent, it is a redirect that went wrong.
            self = sent ? .interrupted(message) : .invalidRequest(message)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_ENGINE_INITFAILED:
            self = sent ? .interrupted(message) : .tls(message)
        case CURLE_OPERATION_TIMEDOUT where sent:
            self = .timedOut
        default:
            self = sent ? .interrupted(message) : .connectionFailed(message)
        }
    }
}
