/// What a token says. Source: OpenID Connect Core 1.0, section 2.
struct IdentityToken: Encodable, Sendable {
    var iss: String
    var sub: String
    var aud: String
    var iat: Int
    var exp: Int
    var nonce: String?
    var email: String
    var emailVerified: Bool

    enum CodingKeys: String, CodingKey {
        case iss, sub, aud, iat, exp, nonce, email
        case emailVerified = "email_verified"
    }
}
