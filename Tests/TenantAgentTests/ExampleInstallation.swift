import DurableFiles
import Foundation
import TestSupport

@testable import TenantAgent
@testable import TenantProtocol

extension ScriptedServer {
    /// Every stage report that was taken, in the order of arrival.
    func events() throws -> [BootEvent] {
        try requests("/cp/tenants/boot-event").filter { $0.status < 300 }.flatMap { request in
            let data = Data(request.body.utf8)
            if let batch = try? JSONDecoder().decode(BootEventBatch.self, from: data) { return batch.events }
            return [try JSONDecoder().decode(BootEvent.self, from: data)]
        }
    }
}

/// An instance's files in a folder of their own.
func makeInstallation(_ folder: String, platform: String?) throws -> Installation {
    let installation = Installation(etc: "\(folder)/etc", state: "\(folder)/state")
    for path in [installation.etc, installation.state] {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    try Files.replace(installation.declarationPath, with: try encoded(exampleDeclaration(platform: platform)))
    if platform != nil { try Files.replace(installation.bootTokenPath, with: Array("boot-token".utf8)) }
    return installation
}

let exampleOrg = "11111111-2222-4333-8444-555555555555"

func exampleDeclaration(platform: String?) -> Declaration {
    Declaration(
        orgID: exampleOrg, orgSlug: "acme",
        platform: platform.map {
            .init(controlPlaneURL: $0, tenantURL: "https://acme.example", certificateAuthority: nil)
        },
        stack: .init(
            postgres: "registry/postgres:1", redis: "registry/redis:1", memoryPlugin: "registry/memory:1",
            tenant: "registry/tenant:1", cloudflared: "registry/cloudflared:1"))
}

let exampleGrant = EnrolmentGrant(
    adminToken: "admin-token-canary", secretsEncryptionKey: "encryption-key-canary",
    databasePassword: "p@ss word/canary", sharedSecret: "shared-secret-canary",
    tunnelToken: "tunnel-token-canary")
