import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Billing
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct UserDataTests {
    private func declaration(authority: String?) throws -> (Declaration, Launch) {
        let registry = "123456789012.dkr.ecr.ap-southeast-2.amazonaws.com/a-team-with-a-long-name/"
        let digest = "@sha256:" + String(repeating: "f", count: 64)
        let image = { (name: String) in registry + name + digest }
        let stack = Declaration.Stack(
            postgres: image("tenant-postgres"), redis: image("tenant-redis"),
            memoryPlugin: image("memory-plugin"), tenant: image("molecule-tenant"),
            cloudflared: image("cloudflared"))
        let environment = try ExampleEnvironment.make([
            "TENANT_AGENT_URL": "https://artifacts.example/" + String(repeating: "p", count: 300)
        ])
        let configuration = try Configuration(environment: environment)
        let slug = String(repeating: "s", count: Slug.lengths.upperBound)
        let declaration = Declaration(
            orgID: UUID().text, orgSlug: slug,
            platform: .init(
                controlPlaneURL: "https://" + String(repeating: "c", count: 200) + ".example",
                tenantURL: "https://\(slug).tenants.example", certificateAuthority: authority),
            stack: stack)
        let launch = Launch(
            slug: slug, launchID: UUID(), placement: nil, settings: configuration.fleet, stack: stack)
        return (declaration, launch)
    }

    private func template() throws -> String {
        let path = URL(filePath: "\(packageRoot)/userdata/boot.sh")
        return try String(contentsOf: path, encoding: .utf8)
    }

    @Test func theLargestLegalValuesFit() throws {
        let line = String(repeating: "A", count: 63) + "\n"
        let authority = String(repeating: line, count: Declaration.maximumCertificateAuthorityLength / 64)
        let (declaration, launch) = try declaration(authority: authority)
        let rendered = try UserData(template: template(), declaration, launch: launch)
            .bytes(bootToken: TenantSecrets.generate().bootToken)
        #expect(rendered.count <= UserData.maximumBytes)
    }

    @Test func itHoldsNoSecretButTheBootToken() throws {
        let secrets = TenantSecrets.generate()
        let (declaration, launch) = try declaration(authority: nil)
        let userData = try UserData(template: template(), declaration, launch: launch)
        let rendered = try userData.bytes(bootToken: secrets.bootToken)
        #expect(!userData.text.contains(Data(secrets.bootToken.utf8).base64EncodedString()))
        let script = String(decoding: rendered, as: UTF8.self)
        #expect(script.contains(Data(secrets.bootToken.utf8).base64EncodedString()))
        for token in ["@DECLARATION_BASE64@", "@BOOT_TOKEN_BASE64@", "@AGENT_BASE64@"] {
            #expect(!script.contains(token))
        }
        let values = script.split(separator: "'").compactMap { Data(base64Encoded: String($0)) }
            .map { String(decoding: $0, as: UTF8.self) }
        #expect(values.contains { $0.contains(declaration.orgID) })
        for secret in [secrets.adminToken, secrets.databasePassword, secrets.secretsEncryptionKey] {
            #expect(!script.contains(secret) && !values.contains { $0.contains(secret) })
        }
    }

    @Test func aTemplateThatLacksATokenIsRefused() throws {
        let (declaration, launch) = try declaration(authority: nil)
        for token in ["@DECLARATION_BASE64@", "@BOOT_TOKEN_BASE64@", "@AGENT_BASE64@"] {
            let template = try template().replacing(token, with: "")
            #expect(throws: AppError.self) {
                try UserData(template: template, declaration, launch: launch)
            }
        }
    }
}
