import Foundation

/// The local cloud with simulated instances, and a real registry with the stack's images.
package struct SimulatedCloud: Sendable {
    /// What a control plane is told of it.
    package let environment: [String: String]
    package let registry: TestRegistry
    private let process: ChildProcess
    private let folder: String

    package var awsURL: String { environment["AWS_ENDPOINT_URL"] ?? "" }

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
            ] + (controlPlane.map { ["--control-plane", $0] } ?? []) + options,
            environment: credentials.merging([
                "TENANT_DOMAIN": "localhost", "LOG_LEVEL": "error", "ECR_PASSWORD": Self.registryPassword,
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
            "CLOUDFLARE_ZONE_ID": zoneID,
        ].merging(frontURL.map { ["CP_PUBLIC_URL": $0] } ?? [:]) { $1 }
    }
}
