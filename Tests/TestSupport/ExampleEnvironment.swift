import Foundation

/// A complete environment of the control plane. Its endpoints answer nothing unless a test overrides them.
package enum ExampleEnvironment {
    package static let adminToken = "test-admin-token-0123456789abcdef"
    package static let sharedSecret = "test-shared-secret-0123456789abcd"

    package static func make(_ overrides: [String: String] = [:]) throws -> [String: String] {
        let signer = try IdentitySigner.shared.get()
        var environment = [
            "DATABASE_URL": "postgres://127.0.0.1:9/none",
            "CP_LISTEN": "127.0.0.1:0", "CP_ADMIN_API_TOKEN": adminToken,
            "CP_PUBLIC_URL": "https://cp.example", "TENANT_DOMAIN": "tenants.example",
            "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIATEST",
            "AWS_SECRET_ACCESS_KEY": "test-secret-key",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "CLOUDFLARE_API_URL": "http://127.0.0.1:9/client/v4", "CLOUDFLARE_API_TOKEN": "cf-token",
            "CLOUDFLARE_ACCOUNT_ID": "acc", "CLOUDFLARE_ZONE_ID": "zone",
            "EC2_AMI_ID": "ami-0123456789abcdef0", "EC2_SUBNET_ID": "subnet-1",
            "EC2_SECURITY_GROUP_ID": "sg-1",
            "EC2_IDENTITY_CERT_FILE": signer.certificatePath,
            "REGISTRY_URL": "http://127.0.0.1:9",
            "TENANT_AGENT_URL": "http://127.0.0.1:9/tenant-agent",
            "TENANT_AGENT_SHA256": String(repeating: "0", count: 64),
            "SECRETS_ENCRYPTION_KEY": Data(repeating: 7, count: 32).base64EncodedString(),
            "PROVISION_SHARED_SECRET": sharedSecret,
            "USERDATA_PATH": "\(packageRoot)/userdata",
            "TERMS_FILE": "\(packageRoot)/legal/terms.md",
            "MIGRATIONS_PATH": "\(packageRoot)/migrations",
        ]
        environment.merge(overrides) { _, new in new }
        return environment
    }
}
