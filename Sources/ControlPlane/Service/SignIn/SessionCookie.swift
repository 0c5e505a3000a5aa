import Digests
import HTTPTypes
import Hummingbird
import Organisations
import WireText

/// The cookies of a request, without guesses.
enum RequestCookies {
    /// The one value of that name.
    ///
    /// Two of the same name are none: a host below the same domain may have put its own beside ours, and a
    /// server cannot tell which is which.
    static func value(of name: String, in request: Request) -> String? {
        let pairs = request.headers[values: .cookie].flatMap { $0.split(separator: ";") }
        let values = pairs.compactMap { pair -> Substring? in
            let halves = pair.drop { $0 == " " }.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return halves.count == 2 && halves[0] == name ? halves[1] : nil
        }
        return values.count == 1 ? String(values[0]) : nil
    }
}

/// The value of a session's cookie: 256 random bits.
package struct SessionToken: Sendable {
    package static let bytes = 32

    package let text: String
    package var hash: TokenHash { TokenHash(of: text) }

    static func generate() -> SessionToken { SessionToken(text: RandomSecret.hex(bytes: bytes)) }

    /// nil: nothing that could be one.
    package init?(_ text: String?) {
        guard let text, [UInt8](hex: text)?.count == Self.bytes else { return nil }
        self.text = text
    }

    private init(text: String) { self.text = text }
}

extension SessionSettings {
    package func token(in request: Request) -> SessionToken? {
        SessionToken(RequestCookies.value(of: cookieName, in: request))
    }

    func cookie(_ token: SessionToken) -> Cookie { cookie(token.text, maxAge: lifetime.wholeSeconds) }

    /// What makes the browser forget it.
    var endedCookie: Cookie { cookie("", maxAge: 0) }

    private func cookie(_ value: String, maxAge: Int) -> Cookie {
        Cookie(
            name: cookieName, value: value, maxAge: maxAge, domain: cookieDomain, path: "/", secure: true,
            httpOnly: true, sameSite: .lax)
    }
}
