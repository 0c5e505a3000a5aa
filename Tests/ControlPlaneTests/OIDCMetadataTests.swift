import Foundation
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// What an identity provider's own document can make the platform call: https of its choice, nothing on this
/// machine.
@Suite struct OIDCMetadataTests {
    private func metadata(_ issuer: String, token: String, keys: String? = nil, userinfo: String? = nil)
        throws
        -> OIDCMetadata
    {
        var document = [
            "issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": token,
            "jwks_uri": keys ?? issuer + "/keys",
        ]
        document["userinfo_endpoint"] = userinfo
        return try OIDCMetadata(Array(JSONEncoder().encode(document)), issuer: issuer)
    }

    private static let issuer = "https://id.example.com"

    @Test(arguments: [
        "http://id.example.com/token", "http://169.254.169.254/latest/meta-data", "http://127.0.0.1:9/token",
        "http://localhost/token", "http://[::1]/token", "file:///etc/passwd", "gopher://id.example.com", "",
        "//id.example.com/token",
    ])
    func anEndpointThatIsNotHTTPSIsRefused(_ url: String) {
        for attempt in [
            { try metadata(Self.issuer, token: url) },
            { try metadata(Self.issuer, token: "https://id.example.com/token", keys: url) },
            { try metadata(Self.issuer, token: "https://id.example.com/token", userinfo: url) },
        ] {
            let error = #expect(throws: AppError.self) { _ = try attempt() }
            #expect(error?.code == "identity_provider_invalid")
        }
    }

    @Test func aProviderOnThisMachineMayBeInTheClear() throws {
        let local = try metadata("http://127.0.0.1:8080", token: "http://127.0.0.1:8080/token")
        #expect(local.tokenEndpoint == "http://127.0.0.1:8080/token")
        let remote = try metadata(Self.issuer, token: "https://tokens.example.com/token")
        #expect(remote.keysURL == Self.issuer + "/keys")
    }

    @Test(arguments: [
        (#"{"issuer":7,"authorization_endpoint":"","token_endpoint":"","jwks_uri":""}"#, "type in issuer."),
        (#"{"issuer":"","authorization_endpoint":"","token_endpoint":""}"#, "has no jwks_uri."),
        (
            #"""
            {"issuer":"","authorization_endpoint":"","token_endpoint":"","jwks_uri":"",
            "token_endpoint_auth_methods_supported":[1]}
            """#, "type in token_endpoint_auth_methods_supported."
        ),
        ("<html>", "cannot be read."), ("[]", "cannot be read."),
    ])
    func aDocumentThatCannotBeReadSaysWhy(text: String, reason: String) {
        let error = #expect(throws: AppError.self) {
            _ = try OIDCMetadata(Array(text.utf8), issuer: Self.issuer)
        }
        #expect(error?.code == "identity_provider_invalid")
        #expect(error?.message.hasSuffix(reason) == true, "\(error?.message ?? "")")
    }
}
