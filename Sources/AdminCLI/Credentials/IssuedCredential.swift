/// An operator token or a partner key, as the control plane tells of it.
struct IssuedCredential: Decodable {
    var id: String
    var name: String
    var status: String
    var role: String?
    var scopes: [String]?
    var partnerID: String?
    var orgID: String?
    var rateLimit: Int?
    var expiresAt: Timestamp?
    var lastUsedAt: Timestamp?
    private var tokenPrefix: String?
    private var keyPrefix: String?
    /// There once, when it was issued.
    private var token: String?
    private var key: String?

    enum CodingKeys: String, CodingKey {
        case id, name, status, role, scopes, token, key
        case partnerID = "partner_id"
        case orgID = "org_id"
        case rateLimit = "rate_limit"
        case expiresAt = "expires_at"
        case lastUsedAt = "last_used_at"
        case tokenPrefix = "token_prefix"
        case keyPrefix = "key_prefix"
    }

    var shownPrefix: String { (tokenPrefix ?? keyPrefix ?? "-") + "..." }
    var expiry: String { expiresAt?.text ?? "never" }
    var lastUse: String { lastUsedAt?.text ?? "never" }

    var issued: [String] {
        [
            token ?? key ?? "-", "",
            "It is shown only once. Id \(id), expires \(expiry).",
        ]
    }
}

extension ServerOptions {
    /// Ends a credential at once.
    /// - Parameter path: of the list that it stands in.
    func revoke(_ id: String, of path: String) async throws {
        _ = try await connect().call("DELETE", "\(path)/\(escaped(id))")
        if !json { say("\(id) is revoked.") }
    }
}
