import FoundationEssentials
import Hummingbird
import Workflows

/// Everything that the platform knows of one tenant, on one page, for whoever looks into a problem.
struct Diagnostics: Encodable {
    var org: OrgView
    var instanceID: String?
    var privateIP: String?
    var tunnelID: String?
    var imageDigest: String?
    var enrolledAt: Date?
    var runningAt: Date?
    var healthyThroughEdge: Bool
    var resources: [Resource]
    var provisioning: ProvisionStatus

    struct Resource: Encodable {
        var kind: String
        var intentID: String
        var providerID: String?

        enum CodingKeys: String, CodingKey {
            case kind
            case intentID = "intent_id"
            case providerID = "provider_id"
        }
    }

    enum CodingKeys: String, CodingKey {
        case org, resources, provisioning
        case instanceID = "instance_id"
        case privateIP = "private_ip"
        case tunnelID = "tunnel_id"
        case imageDigest = "image_digest"
        case enrolledAt = "enrolled_at"
        case runningAt = "running_at"
        case healthyThroughEdge = "healthy_through_edge"
    }
}

extension TenantRoutes {
    func diagnostics(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await OrgStore(database: platform.database).require(slug: context.slug())
        let tenant = try await TenantStore(database: platform.database).require(org: org.id)
        let resources = try await ResourceLedger(database: platform.database).remaining(org: org.id)
        return try Response.json(
            Diagnostics(
                org: OrgView(org: org), instanceID: tenant.instanceID, privateIP: tenant.privateIP,
                tunnelID: tenant.tunnelID, imageDigest: tenant.imageDigest, enrolledAt: tenant.enrolledAt,
                runningAt: tenant.runningAt,
                healthyThroughEdge: await platform.isHealthyThroughEdge(slug: org.slug, tenant.launch),
                resources: resources.map {
                    .init(kind: $0.kind.rawValue, intentID: $0.intentID, providerID: $0.providerID)
                },
                provisioning: try await ProvisionStatus(of: org, platform)))
    }
}
