/// `GET /cp/tenants/credentials`, authenticated by the tenant's admin token: 200 with the token that is to
/// follow it, the same one however often it is asked; 204 when none is to.
///
/// Both tokens are valid until `POST /cp/tenants/credentials/confirm`, authenticated by the new one, says
/// that molecule-tenant runs with it (204): that ends the old one. Said again it is 204 as well.
package struct NextCredentials: Codable, Sendable {
    package var adminToken: String

    package init(adminToken: String) { self.adminToken = adminToken }

    package enum CodingKeys: String, CodingKey {
        case adminToken = "admin_token"
    }
}
