import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private let identityPath = "/latest/dynamic/instance-identity/rsa2048"
private let metadata: [String: [ScriptedServer.Answer]] = [
    "/latest/api/token": [.init(status: 200, body: "session")],
    identityPath: [.init(status: 200, body: "QUJD\nREVG\n")],
]

private func grantBody() throws -> String { String(decoding: try encoded(exampleGrant), as: UTF8.self) }

private func withStub(
    _ answers: [String: [ScriptedServer.Answer]],
    _ body: (ScriptedServer, Installation, Enrolment) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let stub = try await ScriptedServer(folder: folder, answers)
        do {
            let installation = try makeInstallation(folder, platform: stub.url)
            let platform = try #require(PlatformClient(try installation.declaration()))
            let enrolment = Enrolment(
                installation: installation, platform: platform,
                metadata: InstanceMetadata(endpoint: stub.url),
                deadline: .seconds(20))
            try await body(stub, installation, enrolment)
        } catch {
            await stub.stop()
            throw error
        }
        await stub.stop()
    }
}

@Test func enrolmentAsksAgainWhileThePlatformIsNotReadyThenWritesSecretsAndConfirms() async throws {
    let answers: [String: [ScriptedServer.Answer]] = [
        "/cp/tenants/enroll": [
            .init(status: 503, headers: ["Retry-After": "0"]), .init(status: 200, body: try grantBody()),
        ],
        "/cp/tenants/enroll/confirm": [.init(status: 204)],
    ].merging(metadata) { one, _ in one }
    try await withStub(answers) { stub, installation, enrolment in
        let secrets = try await enrolment.run()
        #expect(secrets.databasePassword == exampleGrant.databasePassword)
        let attributes = try FileManager.default.attributesOfItem(atPath: installation.secretsPath)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(!Files.exists(installation.bootTokenPath))

        let asked = try stub.requests("/cp/tenants/enroll")
        #expect(asked.map(\.status) == [503, 200])
        #expect(asked.allSatisfy { $0.authorization == "Bearer boot-token" && $0.org == exampleOrg })
        let request = try JSONDecoder().decode(EnrolmentRequest.self, from: Data(asked[1].body.utf8))
        #expect(request.identityPKCS7 == "QUJDREVG")
        #expect(
            try stub.requests("/cp/tenants/enroll/confirm").map(\.authorization) == [
                "Bearer admin-token-canary"
            ])
    }
}

@Test func aSecondBootAsksNothing() async throws {
    try await withStub([:]) { stub, installation, enrolment in
        try installation.write(exampleGrant)
        try Files.replace(installation.enrolledPath, with: [])
        #expect(try await enrolment.run().adminToken == exampleGrant.adminToken)
        #expect(try stub.requests().isEmpty)
    }
}

@Test func aConfirmationThatWasCutOffIsDoneAgainWithoutAskingForSecrets() async throws {
    try await withStub(["/cp/tenants/enroll/confirm": [.init(status: 204)]]) {
        stub, installation, enrolment in
        try installation.write(exampleGrant)
        _ = try await enrolment.run()
        #expect(try stub.requests().map(\.path) == ["/cp/tenants/enroll/confirm"])
        #expect(Files.exists(installation.enrolledPath))
    }
}

@Test(arguments: [401, 403, 409])
func aRefusalIsFinal(status: Int) async throws {
    let answers = ["/cp/tenants/enroll": [ScriptedServer.Answer(status: status)]].merging(metadata) {
        one, _ in
        one
    }
    try await withStub(answers) { stub, installation, enrolment in
        let failure = await #expect(throws: StageFailure.self) { try await enrolment.run() }
        #expect(failure?.code == .enrolmentRefused)
        #expect(failure?.isFinal == true)
        let asked = try stub.requests("/cp/tenants/enroll").count
        #expect(asked == 1)
        #expect(!Files.exists(installation.secretsPath))
    }
}

@Test func anAbsentPlatformEndsInItsOwnCode() async throws {
    try await withStub(metadata) { stub, installation, enrolment in
        var declaration = exampleDeclaration(platform: "http://127.0.0.1:\(try freePort())")
        declaration.platform?.certificateAuthority = nil
        var enrolment = Enrolment(
            installation: installation, platform: try #require(PlatformClient(declaration)),
            metadata: enrolment.metadata)
        enrolment.deadline = .seconds(2)
        let failure = await #expect(throws: StageFailure.self) { try await enrolment.run() }
        #expect(failure?.code == .platformUnreachable)
    }
}
