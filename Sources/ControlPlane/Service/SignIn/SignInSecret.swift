import Digests
import Hummingbird
import Providers
import WireText

/// What binds a sign-in to the browser that began it: 256 random bits in a cookie that lives for minutes.
///
/// All that a sign-in has to remember follows from it and the state, so that the row of a sign-in holds
/// hashes alone, and a copy of the database completes none.
struct SignInSecret: Sendable {
    /// No other host can have set it.
    static let cookieName = "__Host-molecule_sign_in"
    /// From the way to the provider to the way back.
    static let lifetime: Duration = .seconds(600)

    private let value: SessionToken

    /// The browser's own, when another sign-in is under way in it; else a new one.
    init(_ request: Request) {
        value = Self.found(request)?.value ?? .generate()
    }

    private init(value: SessionToken) { self.value = value }

    /// nil: this browser began no sign-in, or too long ago.
    static func found(_ request: Request) -> SignInSecret? {
        SessionToken(RequestCookies.value(of: cookieName, in: request)).map(SignInSecret.init(value:))
    }

    var hash: TokenHash { value.hash }

    func challenge(_ state: SessionToken) -> OIDCProvider.Challenge {
        OIDCProvider.Challenge(
            state: state.text, nonce: derived("nonce", state), verifier: derived("code verifier", state))
    }

    private func derived(_ purpose: String, _ state: SessionToken) -> String {
        TokenHash(of: "\(purpose) \(value.text) \(state.text)").bytes.base64URL
    }

    var cookie: Cookie { Self.cookie(value.text, maxAge: Self.lifetime.wholeSeconds) }

    /// What makes the browser forget it.
    static var endedCookie: Cookie { cookie("", maxAge: 0) }

    /// Lax: the way back from the provider is a link from another site.
    private static func cookie(_ value: String, maxAge: Int) -> Cookie {
        Cookie(
            name: cookieName, value: value, maxAge: maxAge, path: "/", secure: true, httpOnly: true,
            sameSite: .lax)
    }
}
