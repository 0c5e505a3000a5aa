/// This platform as a client of one OpenID Connect provider.
package struct OIDCSettings: Sendable {
    /// As the provider names itself; its discovery document lies below.
    package var issuer: String
    package var clientID: String
    package var clientSecret: String
    /// `openid` is always among them.
    package var scopes: [String]
    /// Where the provider sends the browser back to.
    package var redirectURL: String

    package init(
        issuer: String, clientID: String, clientSecret: String, scopes: [String], redirectURL: String
    ) {
        self.issuer = issuer
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.scopes = scopes
        self.redirectURL = redirectURL
    }
}

extension OIDCSettings {
    /// Source: OpenID Connect Discovery 1.0, section 4.1.
    var discoveryURL: String {
        (issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer) + "/.well-known/openid-configuration"
    }
}
