import Digests
import WireText

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A person as the sign-in page knows them.
struct Person: Sendable, Hashable {
    var email: String
    var isVerified: Bool

    /// The same for the same address, on every run.
    var subject: String { "user_" + SHA256Digest(of: email.lowercased()).bytes.prefix(12).hex }
}

/// What a client asked for when it sent the browser. Sources: RFC 6749, section 4.1.1; RFC 7636, section 4.3.
struct AuthorizationRequest: Sendable, Equatable {
    var clientID: String
    var redirectURI: String
    var state: String?
    var nonce: String?
    /// Of PKCE with S256.
    var challenge: String
}

/// Codes that wait to be exchanged: each once, within a minute.
struct AuthorizationCodes: Sendable {
    static let lifetimeSeconds = 60.0
    /// More than these at once are not a developer signing in.
    static let maximum = 10_000

    struct Grant: Sendable {
        var request: AuthorizationRequest
        var person: Person
        var since: Date
    }

    private var grants: [String: Grant] = [:]

    mutating func issue(_ request: AuthorizationRequest, to person: Person) -> String {
        if grants.count >= Self.maximum { grants.removeAll() }
        let code = ResourceID.hexadecimal(48)
        grants[code] = Grant(request: request, person: person, since: Date())
        return code
    }

    /// - Returns: nil for a code that is unknown, used, too old, or another client's, or whose verifier is
    ///   wrong. In every case it is gone.
    mutating func redeem(_ code: String, clientID: String, redirectURI: String, verifier: String) -> Grant? {
        guard let grant = grants.removeValue(forKey: code),
            Date().timeIntervalSince(grant.since) < Self.lifetimeSeconds,
            grant.request.clientID == clientID, grant.request.redirectURI == redirectURI,
            (43...128).contains(verifier.utf8.count),
            SHA256Digest(of: verifier).bytes.base64URL == grant.request.challenge
        else { return nil }
        return grant
    }
}
