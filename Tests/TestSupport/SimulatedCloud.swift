import Foundation

/// The local cloud with simulated instances, and a real registry with the stack's images.
package struct SimulatedCloud: Sendable {
    /// What a control plane is told of it.
    package let environment: [String: String]
    package let registry: TestRegistry
    private let process: ChildProcess
    private let folder: String

    package var awsURL: String { environment["AWS_ENDPOINT_URL"] ?? "" }

    /// Where Stripe's events go, behind the front.
    package static let webhookPath = "/cp/webhooks/stripe"
    /// Restricted to deploy/stripe-restricted-key.json.
    package static let stripeSecretKey = "rk_test_of_the_simulated_cloud"
    /// Unrestricted: what an owner of the account has.
    package static let stripeAccountKey = "sk_test_of_the_simulated_cloud"
    package static let stripeWebhookSecret = "whsec_of_the_simulated_cloud"

    /// What ECR gives out, for a registry that takes it.
    package static let registryPassword = "a-password-of-ecr"

    /// - Parameters:
    ///   - controlPlane: host and port behind the front at which instances call; nil where CP_PUBLIC_URL is
    ///     another.
    ///   - access: what the registry asks for.
    package init(
        controlPlane: String? = nil, access: TestRegistry.Access = .open, options: [String] = []
    ) async throws {
        folder = try makeTemporaryFolder("cloud")
        registry = try await TestRegistry(access)
        let ready = "\(folder)/ready.json"
        let credentials = try ExampleEnvironment.make()
            .filter { $0.key.hasPrefix("AWS_") || $0.key.hasPrefix("CLOUDFLARE_") }
        process = try ChildProcess(
            builtProduct("localcloud"),
            [
                "serve", "--driver", "simulated", "--port-base", "0", "--folder", folder, "--name",
                "test-\(folder.suffix(6))", "--ready-file", ready,
                "--stripe-permissions", "\(packageRoot)/deploy/stripe-restricted-key.json",
            ] + (controlPlane.map(Self.front) ?? []) + options,
            environment: credentials.merging([
                "TENANT_DOMAIN": "localhost", "LOG_LEVEL": "error", "ECR_PASSWORD": Self.registryPassword,
                "STRIPE_SECRET_KEY": Self.stripeSecretKey, "STRIPE_ACCOUNT_KEY": Self.stripeAccountKey,
                "STRIPE_WEBHOOK_SECRETS": Self.stripeWebhookSecret,
            ]) { $1 })
        do {
            try await eventually("the local cloud") { FileManager.default.fileExists(atPath: ready) }
            environment = try Ready(path: ready).environment.merging(["REGISTRY_URL": registry.url]) { $1 }
        } catch {
            await process.stop()
            await registry.remove()
            throw error
        }
    }

    private static func front(_ controlPlane: String) -> [String] {
        ["--control-plane", controlPlane, "--stripe-webhook", webhookPath]
    }

    package func stop() async {
        await process.stop()
        await registry.remove()
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// What the local cloud writes once it listens.
private struct Ready: Decodable {
    var awsEndpointURL: String
    var cloudflareAPIURL: String
    var edgeURL: String
    var frontURL: String?
    var caFile: String
    var identityCertFile: String
    var stripeAPIURL: String
    var subnetID: String
    var securityGroupID: String
    var accountID: String
    var zoneID: String

    init(path: String) throws {
        self = try JSONDecoder().decode(Ready.self, from: Data(contentsOf: URL(filePath: path)))
    }

    enum CodingKeys: String, CodingKey {
        case awsEndpointURL = "aws_endpoint_url"
        case cloudflareAPIURL = "cloudflare_api_url"
        case edgeURL = "edge_url"
        case frontURL = "front_url"
        case caFile = "ca_file"
        case identityCertFile = "identity_cert_file"
        case stripeAPIURL = "stripe_api_url"
        case subnetID = "subnet_id"
        case securityGroupID = "security_group_id"
        case accountID = "cloudflare_account_id"
        case zoneID = "cloudflare_zone_id"
    }

    var environment: [String: String] {
        [
            "AWS_ENDPOINT_URL": awsEndpointURL, "CLOUDFLARE_API_URL": cloudflareAPIURL,
            "EDGE_URL": edgeURL, "CP_CA_FILE": caFile, "EC2_IDENTITY_CERT_FILE": identityCertFile,
            "EC2_SUBNET_ID": subnetID, "EC2_SECURITY_GROUP_ID": securityGroupID,
            "TENANT_DOMAIN": "localhost", "CLOUDFLARE_ACCOUNT_ID": accountID,
            "CLOUDFLARE_ZONE_ID": zoneID, "STRIPE_API_URL": stripeAPIURL,
            "STRIPE_SECRET_KEY": SimulatedCloud.stripeSecretKey,
            "STRIPE_WEBHOOK_SECRETS": SimulatedCloud.stripeWebhookSecret,
        ].merging(frontURL.map { ["CP_PUBLIC_URL": $0] } ?? [:]) { $1 }
    }
}
