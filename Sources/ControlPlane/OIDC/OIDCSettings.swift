/// This platform as a client of one OpenID Connect provider.
struct OIDCSettings: Sendable {
    /// As the provider names itself; its discovery document lies below.
    var issuer: String
    var clientID: String
    var clientSecret: String
    /// `openid` is always among them.
    var scopes: [String]
    /// Where the provider sends the browser back to.
    var redirectURL: String
}

extension OIDCSettings {
    /// Source: OpenID Connect Discovery 1.0, section 4.1.
    var discoveryURL: String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }
}
