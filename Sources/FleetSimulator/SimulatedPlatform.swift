import FoundationEssentials
import Providers
import Service

/// The configuration of every simulated replica: the product's own defaults, and names of no real service.
enum SimulatedPlatform {
    static let registryHost = "registry.simulation"
    static let tenantDomain = "tenants.simulation"

    /// - Parameter given: paths of the migrations and of the boot script are taken from it.
    static func configuration(
        database: String, _ settings: SimulationSettings, given: [String: String]
    ) throws -> Configuration {
        let userdata = given[Variable.userdataPath.name] ?? Variable.userdataPath.fallback ?? ""
        return try Configuration(environment: [
            "DATABASE_URL": database, "DATABASE_MAX_CONNECTIONS": "4", "CP_LISTEN": "127.0.0.1:0",
            "CP_WORKERS": "\(settings.workers)",
            "CP_ADMIN_API_TOKEN": String(repeating: "s", count: 40),
            "PROVISION_SHARED_SECRET": String(repeating: "s", count: 40),
            "SECRETS_ENCRYPTION_KEY": Data(repeating: 7, count: 32).base64EncodedString(),
            "CP_PUBLIC_URL": "https://cp.simulation", "TENANT_DOMAIN": tenantDomain,
            "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "simulated",
            "AWS_SECRET_ACCESS_KEY": "simulated",
            "CLOUDFLARE_API_TOKEN": "simulated", "CLOUDFLARE_PLACES": try places(settings.placeCount),
            "EC2_AMI_ID": "ami-0123456789abcdef0", "EC2_SUBNET_ID": "subnet-1",
            "EC2_SECURITY_GROUP_ID": "sg-1",
            // Instances of a simulation show no identity document, so nothing is checked against it.
            "EC2_IDENTITY_CERT_FILE": "\(userdata)/boot.sh",
            "REGISTRY_URL": "https://\(registryHost)", "TENANT_AGENT_URL": "https://agent.simulation/agent",
            "TENANT_AGENT_SHA256": String(repeating: "0", count: 64), "USERDATA_PATH": userdata,
            "TERMS_FILE": given[Variable.termsFile.name] ?? Variable.termsFile.fallback ?? "",
            "MIGRATIONS_PATH": given[Variable.migrationsPath.name] ?? Variable.migrationsPath.fallback ?? "",
            "EDGE_URL": "https://{hostname}", "EC2_MAXIMUM_VCPUS": "\(settings.tenants * 4)",
        ])
    }

    private static func places(_ count: Int) throws -> String {
        let places = (1...count).map { number in
            CloudflarePlace(
                accountID: "account-\(number)", zoneID: "zone-\(number)",
                domain: "zone\(number).\(tenantDomain)", apiToken: "token-\(number)",
                maximumTunnels: SimulatedCloudflare.maximumTunnels,
                maximumRecords: SimulatedCloudflare.maximumRecords)
        }
        return String(decoding: try JSONEncoder.wire.encode(places), as: UTF8.self)
    }
}
