import FoundationEssentials
import Postgres

/// What a new organisation begins with.
struct SignUp: Sendable {
    var orgID = UUID()
    var launchID = UUID()
    var slug: Slug
    var name: String
    var ownerUserID: String
}

extension Platform {
    /// The organisation, its tenant row and its provisioning begin in one commit.
    func signUp(_ signUp: SignUp) async throws -> Org {
        try await database.transaction { transaction in
            let org = try await OrgStore(database: transaction).insert(
                id: signUp.orgID, slug: signUp.slug, name: signUp.name, ownerUserID: signUp.ownerUserID)
            try await TenantStore(database: transaction).insert(org: org.id, launchID: signUp.launchID)
            _ = try await engine.start(
                ProvisionTenant.kind, subject: org.id.text,
                input: ProvisionTenant.Input(orgID: org.id, slug: org.slug, launchID: signUp.launchID),
                in: transaction)
            return org
        }
    }
}
