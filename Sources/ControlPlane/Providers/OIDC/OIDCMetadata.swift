import AdminProtocol
import FoundationEssentials
import JSONWebTokens
import WireText

/// What the provider says of itself. Source: OpenID Connect Discovery 1.0, section 3.
package struct OIDCMetadata: Decodable, Sendable {
    package var issuer: String
    var authorizationEndpoint: String
    var tokenEndpoint: String
    var keysURL: String
    var userinfoEndpoint: String?
    var tokenEndpointMethods: [String]?
    var promptValues: [String]?

    enum CodingKeys: String, CodingKey {
        case issuer
        case authorizationEndpoint = "authorization_endpoint"
        case tokenEndpoint = "token_endpoint"
        case keysURL = "jwks_uri"
        case userinfoEndpoint = "userinfo_endpoint"
        case tokenEndpointMethods = "token_endpoint_auth_methods_supported"
        case promptValues = "prompt_values_supported"
    }
}

extension OIDCMetadata {
    /// - Throws: `identity_provider_invalid` (502) for another issuer's document, or one that would send the
    ///   client's secret in the clear.
    package init(_ body: [UInt8], issuer: String) throws {
        let metadata: OIDCMetadata
        do {
            metadata = try JSONDecoder().decode(OIDCMetadata.self, from: Data(body))
        } catch {
            throw OIDCFailure.invalid("Its discovery document \(OIDCFailure.fault(error)).")
        }
        guard metadata.issuer == issuer else {
            throw OIDCFailure.invalid("Its discovery document names another issuer than OIDC_ISSUER.")
        }
        let endpoints = [metadata.authorizationEndpoint, metadata.tokenEndpoint, metadata.keysURL]
        // A provider on this machine needs no TLS. Another one must not name what is on this machine.
        for endpoint in endpoints + [metadata.userinfoEndpoint].compactMap(\.self) {
            guard
                endpoint.hasPrefix("https://")
                    || Hostname.isLoopback(url: endpoint) && Hostname.isLoopback(url: issuer)
            else {
                throw OIDCFailure.invalid("Its discovery document names an endpoint that is not https.")
            }
        }
        self = metadata
    }

    /// Whether the secret goes into the body: only where the provider does not take it in the header.
    var wantsSecretInBody: Bool {
        guard let methods = tokenEndpointMethods else { return false }
        return !methods.contains("client_secret_basic") && methods.contains("client_secret_post")
    }
}

/// What goes wrong between this platform and its provider.
package enum OIDCFailure {
    static func unavailable(_ cause: any Error) -> AppError {
        AppError(
            .upstream, "identity_provider_unavailable",
            "The identity provider does not answer. Try again shortly.", cause: cause)
    }

    package static func invalid(_ reason: String) -> AppError {
        AppError(.upstream, "identity_provider_invalid", "The identity provider cannot be used. \(reason)")
    }

    /// - Parameter reason: which check failed; never a value of the token.
    package static func refused(_ reason: String) -> AppError {
        AppError(
            .forbidden, "sign_in_refused", "The sign-in was refused: \(reason) Sign in again.")
    }

    static func refused(_ error: TokenError) -> AppError {
        switch error {
        case .criticalExtension:
            refused("The identity provider's token has an extension that is not known here.")
        case .algorithm:
            refused("The identity provider's token is not signed in a way that is trusted.")
        case .malformed, .cannotSign: refused("The identity provider's token cannot be read.")
        }
    }

    /// What is wrong with a JSON document of the provider's, as the end of a sentence about it: which member,
    /// and never its value.
    static func fault(_ error: any Error) -> String {
        let path: [any CodingKey]
        switch error as? DecodingError {
        case .keyNotFound(let key, let context)?:
            return "has no \((context.codingPath.first ?? key).stringValue)"
        case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?, .dataCorrupted(let context)?:
            path = context.codingPath
        default: path = []
        }
        guard let member = path.first else { return "cannot be read" }
        return "has a value of an unexpected type in \(member.stringValue)"
    }
}
