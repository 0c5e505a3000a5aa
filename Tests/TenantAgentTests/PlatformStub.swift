import Foundation
import TestSupport

@testable import TenantAgent
@testable import TenantProtocol

/// A control plane and a metadata service that answer as a test says, over real sockets.
struct PlatformStub {
    struct Answer {
        var status: Int
        var headers: [String: String] = [:]
        var body = ""
    }

    struct Request: Decodable {
        var method: String
        var path: String
        var body: String
        var status: Int
        var authorization: String
        var org: String
    }

    let url: String
    private let process: ChildProcess
    private let folder: String

    init(folder: String, _ answers: [String: [Answer]] = [:]) async throws {
        self.folder = folder
        try Self.write(answers, folder)
        process = try ChildProcess(
            "/usr/bin/env",
            [
                "python3", "\(packageRoot)/Tests/TenantAgentTests/platform_stub.py",
                "\(folder)/script.json", "\(folder)/requests",
            ])
        try await process.waitForOutput("port ")
        let port = process.collectedOutput.split(separator: " ").last?.filter(\.isNumber) ?? ""
        url = "http://127.0.0.1:\(port)"
    }

    func stop() async { await process.stop() }

    func answer(_ answers: [String: [Answer]]) throws { try Self.write(answers, folder) }

    func requests(_ path: String? = nil) throws -> [Request] {
        let text = (try? String(contentsOfFile: "\(folder)/requests", encoding: .utf8)) ?? ""
        let all = try text.split(separator: "\n").map {
            try JSONDecoder().decode(Request.self, from: Data($0.utf8))
        }
        return all.filter { path == nil || $0.path == path }
    }

    /// Every stage report that was taken, in the order of arrival.
    func events() throws -> [BootEvent] {
        try requests("/cp/tenants/boot-event").filter { $0.status < 300 }.flatMap { request in
            let data = Data(request.body.utf8)
            if let batch = try? JSONDecoder().decode(BootEventBatch.self, from: data) { return batch.events }
            return [try JSONDecoder().decode(BootEvent.self, from: data)]
        }
    }

    private static func write(_ answers: [String: [Answer]], _ folder: String) throws {
        let script = answers.mapValues { $0.map { [$0.status, $0.headers, $0.body] as [Any] } }
        try JSONSerialization.data(withJSONObject: script)
            .write(to: URL(filePath: "\(folder)/script.json"), options: .atomic)
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
