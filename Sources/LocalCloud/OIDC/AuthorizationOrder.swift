/// A client's request as it came, judged. Source: RFC 6749, section 4.1.2.1: what is wrong with the client is
/// told to the person, everything else to the client.
enum AuthorizationOrder: Sendable, Equatable {
    case right(AuthorizationRequest)
    /// Where to send the browser.
    case wrongRequest(back: String)
    case wrongClient(reason: String)

    init(_ query: [(name: String, value: String)], clientID: String) {
        func field(_ name: String) -> String? { query.first { $0.name == name }?.value }
        guard field("client_id") == clientID else {
            self = .wrongClient(reason: "The client is not known here: see OIDC_CLIENT_ID.")
            return
        }
        guard let redirect = field("redirect_uri"), Self.mayGo(to: redirect) else {
            self = .wrongClient(reason: "The client does not say where to go back to.")
            return
        }
        let request = AuthorizationRequest(
            clientID: clientID, redirectURI: redirect, state: field("state"), nonce: field("nonce"),
            challenge: field("code_challenge") ?? "")
        guard field("response_type") == "code" else {
            self = .wrongRequest(back: request.refusal("unsupported_response_type"))
            return
        }
        guard field("scope")?.split(separator: " ").contains("openid") == true else {
            self = .wrongRequest(back: request.refusal("invalid_scope"))
            return
        }
        guard field("code_challenge_method") == "S256", request.challenge.utf8.count == 43 else {
            self = .wrongRequest(back: request.refusal("invalid_request"))
            return
        }
        self = .right(request)
    }

    private static func mayGo(to url: String) -> Bool {
        (url.hasPrefix("https://") || url.hasPrefix("http://")) && !url.contains("#")
            && url.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }
}

extension AuthorizationRequest {
    func refusal(_ error: String) -> String { back([("error", error)]) }

    /// The client's own address with these in its query, and its state.
    func back(_ items: [(name: String, value: String)]) -> String {
        let all = items + (state.map { [("state", $0)] } ?? [])
        let query = all.map { $0.0 + "=" + Self.encoded($0.1) }.joined(separator: "&")
        return redirectURI + (redirectURI.contains("?") ? "&" : "?") + query
    }

    private static func encoded(_ text: String) -> String {
        let plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
        return text.utf8.map { byte in
            plain.utf8.contains(byte)
                ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
