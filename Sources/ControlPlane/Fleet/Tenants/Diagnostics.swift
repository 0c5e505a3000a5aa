import FoundationEssentials
import Organisations
import Workflows

/// Everything that the platform knows of one tenant, on one page, for whoever looks into a problem.
package struct Diagnostics: Encodable {
    package var org: OrgView
    package var instanceID: String?
    package var privateIP: String?
    package var tunnelID: String?
    package var imageDigest: String?
    package var enrolledAt: Date?
    package var runningAt: Date?
    package var healthyThroughEdge: Bool
    package var resources: [Resource]
    package var provisioning: ProvisionStatus

    package init(
        org: OrgView, instanceID: String? = nil, privateIP: String? = nil, tunnelID: String? = nil,
        imageDigest: String? = nil, enrolledAt: Date? = nil, runningAt: Date? = nil, healthyThroughEdge: Bool,
        resources: [Resource], provisioning: ProvisionStatus
    ) {
        self.org = org
        self.instanceID = instanceID
        self.privateIP = privateIP
        self.tunnelID = tunnelID
        self.imageDigest = imageDigest
        self.enrolledAt = enrolledAt
        self.runningAt = runningAt
        self.healthyThroughEdge = healthyThroughEdge
        self.resources = resources
        self.provisioning = provisioning
    }

    package struct Resource: Encodable {
        package var kind: String
        package var intentID: String
        package var providerID: String?

        package init(kind: String, intentID: String, providerID: String? = nil) {
            self.kind = kind
            self.intentID = intentID
            self.providerID = providerID
        }

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
