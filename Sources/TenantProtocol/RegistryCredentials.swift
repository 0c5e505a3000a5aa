/// `GET /cp/tenants/registry-credentials`, authenticated by the tenant's admin token and `X-Molecule-Org-Id`:
/// what the instance presents to the image registry, fetched right before a pull and kept in memory only.
///
/// Answers: 200 with this; 204 when the registry asks for nothing; 401 for a bad token; 502
/// `registry_unavailable` when the registry's own token service does not answer (ask again).
package struct RegistryCredentials: Codable, Sendable, Equatable {
    /// `host[:port]`, as it stands in image references. They are for no other registry.
    package var registry: String
    package var username: String
    package var password: String
    /// RFC 3339; nil when they do not expire.
    package var expiresAt: String?

    package init(registry: String, username: String, password: String, expiresAt: String?) {
        self.registry = registry
        self.username = username
        self.password = password
        self.expiresAt = expiresAt
    }

    package enum CodingKeys: String, CodingKey {
        case registry, username, password
        case expiresAt = "expires_at"
    }
}
