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
    /// The organisation, its tenant row with its place, and its provisioning begin in one commit.
    /// - Throws: `slug_taken` (409); `no_capacity` (503) when a quota is used up.
    func signUp(_ signUp: SignUp) async throws -> Org {
        let (org, use) = try await database.transaction { transaction in
            var org = try await OrgStore(database: transaction).insert(
                id: signUp.orgID, slug: signUp.slug, name: signUp.name, ownerUserID: signUp.ownerUserID)
            let (placement, use) = try await Placements(configuration: configuration).choose(in: transaction)
            try await TenantStore(database: transaction).insert(
                org: org.id, launchID: signUp.launchID, placement)
            try await startProvisioning(org, launchID: signUp.launchID, in: transaction)
            org.status = .provisioning
            return (org, use)
        }
        var answer = org
        answer.estimatedReadyAt = try await Estimate(platform: self).readyAt(waiting: use.waiting)
        return answer
    }

    func startProvisioning(_ org: Org, launchID: UUID, in transaction: Transaction) async throws {
        _ = try await engine.start(
            ProvisionTenant.kind, subject: org.id.text,
            input: ProvisionTenant.Input(orgID: org.id, slug: org.slug, launchID: launchID),
            in: transaction)
    }
}
