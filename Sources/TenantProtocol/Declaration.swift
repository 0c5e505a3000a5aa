/// What an instance is to become: `/etc/molecule/declaration.json`, written by the user-data script.
/// It holds no secret. The boot token stands beside it in `/etc/molecule/boot-token`, mode 0600.
package struct Declaration: Codable, Sendable, Equatable {
    package var orgID: String
    package var orgSlug: String
    /// Absent on a self-hosted tenant: the agent then makes its own secrets and reports to nobody.
    package var platform: Platform?
    package var stack: Stack

    package struct Platform: Codable, Sendable, Equatable {
        /// Base URL of the control plane as the instance reaches it, without a trailing slash.
        package var controlPlaneURL: String
        /// `https://<slug>.<tenant domain>`
        package var tenantURL: String
        /// PEM of a private certificate authority to trust beside the system's; nil for a public one.
        package var certificateAuthority: String?

        package init(controlPlaneURL: String, tenantURL: String, certificateAuthority: String?) {
            self.controlPlaneURL = controlPlaneURL
            self.tenantURL = tenantURL
            self.certificateAuthority = certificateAuthority
        }

        package enum CodingKeys: String, CodingKey {
            case controlPlaneURL = "control_plane_url"
            case tenantURL = "tenant_url"
            case certificateAuthority = "certificate_authority"
        }
    }

    /// Image references, each with a digest (`registry/name@sha256:...`) where the platform wrote them.
    package struct Stack: Codable, Sendable, Equatable {
        package var postgres: String
        package var redis: String
        package var memoryPlugin: String
        package var tenant: String
        /// Absent on a self-hosted tenant without a tunnel.
        package var cloudflared: String?

        package init(
            postgres: String, redis: String, memoryPlugin: String, tenant: String, cloudflared: String?
        ) {
            self.postgres = postgres
            self.redis = redis
            self.memoryPlugin = memoryPlugin
            self.tenant = tenant
            self.cloudflared = cloudflared
        }

        package enum CodingKeys: String, CodingKey {
            case postgres, redis, tenant, cloudflared
            case memoryPlugin = "memory_plugin"
        }
    }

    /// Longest values, in characters. With all of them at once the rendered boot script stays under EC2's
    /// 16,384 bytes of user-data.
    package static let maximumURLLength = 255
    package static let maximumImageReferenceLength = 255
    package static let maximumCertificateAuthorityLength = 2_048

    package init(orgID: String, orgSlug: String, platform: Platform?, stack: Stack) {
        self.orgID = orgID
        self.orgSlug = orgSlug
        self.platform = platform
        self.stack = stack
    }

    package enum CodingKeys: String, CodingKey {
        case orgID = "org_id"
        case orgSlug = "org_slug"
        case platform, stack
    }
}
