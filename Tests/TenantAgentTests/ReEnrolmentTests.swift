import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

/// An enrolled instance whose platform has lost its database: its token is unknown there.
private func withForgetfulPlatform(
    _ answers: [String: [ScriptedServer.Answer]],
    _ body: (ScriptedServer, Installation, _ refresh: () async throws -> Bool) async throws -> Void
) async throws {
    let metadata: [String: [ScriptedServer.Answer]] = [
        "/latest/api/token": [.init(status: 200, body: "session")],
        "/latest/dynamic/instance-identity/rsa2048": [.init(status: 200, body: "QUJD\nREVG\n")],
    ]
    try await withTemporaryFolder { folder in
        let stub = try await ScriptedServer(folder: folder, answers.merging(metadata) { one, _ in one })
        do {
            let installation = try makeInstallation(folder, platform: stub.url)
            try installation.write(exampleGrant)
            let platform = try #require(PlatformClient(try installation.declaration()))
            try await body(stub, installation) {
                try await TenantConfiguration(installation: installation).refresh(
                    from: platform, exampleGrant, metadata: InstanceMetadata(endpoint: stub.url))
            }
        } catch {
            await stub.stop()
            throw error
        }
        await stub.stop()
    }
}

private let configPath = "/cp/tenants/config"
private let reEnrolPath = "/cp/tenants/re-enroll"

@Test func aPlatformThatForgotTheTokenGetsTheIdentityAndTheKeysAndIsAskedAgain() async throws {
    let answers: [String: [ScriptedServer.Answer]] = [
        configPath: [.init(status: 401), .init(status: 200, body: #"{"MOLECULE_PLAN":"pro"}"#)],
        reEnrolPath: [.init(status: 204)],
    ]
    try await withForgetfulPlatform(answers) { stub, installation, refresh in
        #expect(try await refresh())
        let asked = try stub.requests().filter { $0.path.hasPrefix("/cp/") }
        #expect(asked.map(\.path) == [configPath, reEnrolPath, configPath])
        #expect(asked.map(\.method) == ["GET", "POST", "GET"])
        #expect(asked.allSatisfy { $0.authorization == "Bearer admin-token-canary" && $0.org == exampleOrg })

        let sent = try JSONDecoder().decode([String: String].self, from: Data(asked[1].body.utf8))
        #expect(
            sent == [
                "identity_pkcs7": "QUJDREVG", "agent_version": agentVersion,
                "secrets_encryption_key": exampleGrant.secretsEncryptionKey,
                "database_password": exampleGrant.databasePassword,
            ], "the tenant's keys, and no secret that is the platform's own")
        let configuration = TenantConfiguration(installation: installation)
        #expect(try configuration.current() == ["MOLECULE_PLAN": "pro"])
        #expect(try installation.secrets()?.adminToken == exampleGrant.adminToken)

        #expect(try await refresh() == false, "known again, and nothing changed")
        #expect(try stub.requests(reEnrolPath).count == 1)
    }
}

/// Someone else's instance, or a platform that never adopted this one: what runs goes on as it is.
@Test(arguments: [401, 403, 500])
func aRefusedReEnrolmentKeepsWhatIsOnTheDisk(status: Int) async throws {
    let answers: [String: [ScriptedServer.Answer]] = [
        configPath: [.init(status: 401)], reEnrolPath: [.init(status: status)],
    ]
    try await withForgetfulPlatform(answers) { stub, installation, refresh in
        let known = #"{"MOLECULE_PLAN":"free"}"#
        try Files.replace(installation.configurationPath, with: Array(known.utf8), mode: 0o600)
        let failure = await #expect(throws: StageFailure.self) { try await refresh() }
        #expect(failure?.code == .enrolmentRefused)
        #expect(try stub.requests().map(\.path).filter { $0 == configPath }.count == 1)
        let configuration = TenantConfiguration(installation: installation)
        #expect(try configuration.current() == ["MOLECULE_PLAN": "free"])
        #expect(try installation.secrets()?.adminToken == exampleGrant.adminToken)
    }
}

/// The identity document is for a platform that has forgotten, and for no other answer.
@Test(arguments: [403, 404, 500, 503])
func anyOtherRefusalOfTheConfigurationSendsNoKeys(status: Int) async throws {
    let answers: [String: [ScriptedServer.Answer]] = [
        configPath: [.init(status: status)], reEnrolPath: [.init(status: 204)],
    ]
    try await withForgetfulPlatform(answers) { stub, _, refresh in
        let failure = await #expect(throws: StageFailure.self) { try await refresh() }
        #expect(failure?.code == .platformUnreachable)
        let asked = try stub.requests().map(\.path)
        #expect(asked == [configPath])
    }
}
