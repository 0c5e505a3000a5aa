import Digests
import FoundationEssentials
import JSONWebTokens

/// What the provider vouches for. Source: OpenID Connect Core 1.0, section 2.
package struct IDToken: Decodable, Sendable {
    package var issuer: String
    package var subject: String
    var audience: Audience
    package var expiresAt: Double
    package var issuedAt: Double
    package var nonce: String?
    var authorizedParty: String?
    package var email: String?
    package var emailVerified: Flag?

    enum CodingKeys: String, CodingKey {
        case issuer = "iss"
        case subject = "sub"
        case audience = "aud"
        case expiresAt = "exp"
        case issuedAt = "iat"
        case nonce
        case authorizedParty = "azp"
        case email
        case emailVerified = "email_verified"
    }

    /// One name, or a list of them.
    struct Audience: Decodable, Sendable {
        var names: [String]

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            names = try (try? [container.decode(String.self)]) ?? container.decode([String].self)
        }
    }

    /// true, or the word: some providers write it as text.
    package struct Flag: Decodable, Sendable {
        package var isSet: Bool

        package init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            isSet = try (try? container.decode(Bool.self)) ?? (container.decode(String.self) == "true")
        }
    }
}

extension IDToken {
    /// What is in it is judged by `IDTokenCheck`, which knows what to expect.
    /// - Parameter content: of a token that the provider has signed.
    /// - Throws: `sign_in_refused` (403) that names the claim that is missing or of an unexpected type.
    init(_ content: [UInt8]) throws {
        do {
            self = try JSONDecoder().decode(IDToken.self, from: Data(content))
        } catch {
            throw OIDCFailure.refused("The identity provider's token \(OIDCFailure.fault(error)).")
        }
    }
}

/// What a token has to be to sign somebody in. Source: OpenID Connect Core 1.0, section 3.1.3.7.
struct IDTokenCheck: Sendable {
    /// What the two clocks may differ by.
    static let leewaySeconds = 60.0
    /// In ASCII characters (section 2).
    static let maximumSubjectLength = 255
    /// Signed with a key that only the provider has; so neither `none` nor anything of HMAC.
    static let algorithms = Set(SignatureAlgorithm.allCases)

    var issuer: String
    var clientID: String
    var nonce: String

    /// - Throws: `sign_in_refused` (403) that names the check.
    func check(_ token: IDToken, at now: Date) throws {
        let seconds = now.timeIntervalSince1970
        try require(token.issuer == issuer, "The identity provider's token names another issuer.")
        try require(token.audience.names.contains(clientID), "The token is for another client.")
        try require(
            token.authorizedParty == clientID
                || token.authorizedParty == nil && token.audience.names.count == 1,
            "The token was issued to another client.")
        try require(token.expiresAt > seconds - Self.leewaySeconds, "The token has expired.")
        try require(token.issuedAt < seconds + Self.leewaySeconds, "The token is from the future.")
        let given = TokenHash(of: token.nonce ?? "")
        try require(given.matches(TokenHash(of: nonce)), "The token belongs to another sign-in.")
        try require(
            (1...Self.maximumSubjectLength).contains(token.subject.utf8.count)
                && token.subject.utf8.allSatisfy { (0x20...0x7e).contains($0) },
            "The token's subject is not one.")
    }

    private func require(_ holds: Bool, _ reason: String) throws {
        guard holds else { throw OIDCFailure.refused(reason) }
    }
}
