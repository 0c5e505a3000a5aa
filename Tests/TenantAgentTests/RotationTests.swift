import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private let nextPath = "/cp/tenants/credentials"
private let confirmPath = "/cp/tenants/credentials/confirm"
private let configPath = "/cp/tenants/config"
private let next = ScriptedServer.Answer(status: 200, body: #"{"admin_token":"the-next-one"}"#)
private let config = ScriptedServer.Answer(status: 200, body: #"{"MOLECULE_PLAN":"pro"}"#)

/// An enrolled instance, and a platform that answers as it is told.
private func withInstance(
    _ answers: [String: [ScriptedServer.Answer]],
    _ body: (ScriptedServer, Installation, Refresh) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let stub = try await ScriptedServer(folder: folder, answers)
        do {
            let installation = try makeInstallation(folder, platform: stub.url)
            try installation.write(exampleGrant)
            try await body(
                stub, installation,
                Refresh(installation: installation, metadata: InstanceMetadata(endpoint: stub.url)))
        } catch {
            await stub.stop()
            throw error
        }
        await stub.stop()
    }
}

extension ScriptedServer {
    fileprivate func tokens() throws -> [String] {
        try requests().map { "\($0.path.split(separator: "/").last ?? "") \($0.authorization.dropFirst(7))" }
    }
}

@Test func theNewTokenIsOnTheDiskBesideTheOldOneBeforeItIsUsed() async throws {
    let answers = [nextPath: [next], configPath: [config], confirmPath: [.init(status: 204)]]
    try await withInstance(answers) { stub, installation, refresh in
        _ = try await refresh.fetch()
        #expect(try stub.tokens() == ["credentials admin-token-canary", "config the-next-one"])
        #expect(try installation.secrets()?.adminToken == "the-next-one")
        #expect(try installation.secrets()?.databasePassword == exampleGrant.databasePassword)
        for path in [installation.secretsPath, installation.previousTokenPath] {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
        #expect(try Files.read(installation.previousTokenPath) == Array("admin-token-canary".utf8))
        await refresh.settle()
        #expect(try stub.requests(confirmPath).map(\.authorization) == ["Bearer the-next-one"])
        #expect(!Files.exists(installation.previousTokenPath))
        await refresh.settle()
        #expect(try stub.requests(confirmPath).count == 1, "said once")
    }
}

/// None is to follow, a platform from before there was rotation, or the one that it has.
@Test(arguments: [
    ScriptedServer.Answer(status: 204), .init(status: 404),
    .init(status: 200, body: #"{"admin_token":"admin-token-canary"}"#),
])
func withoutAnotherTokenNothingIsWritten(answer: ScriptedServer.Answer) async throws {
    try await withInstance([nextPath: [answer], configPath: [config]]) { stub, installation, refresh in
        _ = try await refresh.fetch()
        #expect(try installation.secrets()?.adminToken == "admin-token-canary")
        #expect(!Files.exists(installation.previousTokenPath))
        #expect(try stub.tokens().last == "config admin-token-canary")
    }
}

@Test(arguments: [500, 429]) func aPlatformThatDoesNotAnswerChangesNothing(status: Int) async throws {
    try await withInstance([nextPath: [.init(status: status)]]) { _, installation, refresh in
        await #expect(throws: StageFailure.self) { try await refresh.fetch() }
        let token = try installation.secrets()?.adminToken
        #expect(token == "admin-token-canary")
    }
}

/// The configuration could not be had with the new token: molecule-tenant is not touched, so neither is it.
@Test func aRefreshThatFailsGoesBackToTheTokenBefore() async throws {
    try await withInstance([nextPath: [next], configPath: [.init(status: 503)]]) { _, installation, refresh in
        await #expect(throws: StageFailure.self) { try await refresh.fetch() }
        let token = try installation.secrets()?.adminToken
        #expect(token == "admin-token-canary")
        #expect(!Files.exists(installation.previousTokenPath))
    }
}

@Test func aReplacementThatFailsGoesBackToTheTokenBefore() async throws {
    try await withInstance([nextPath: [next], configPath: [config]]) { _, installation, refresh in
        let before = try await refresh.fetch()
        try refresh.restore(before)
        #expect(try installation.secrets()?.adminToken == "admin-token-canary")
        #expect(!Files.exists(installation.previousTokenPath))
    }
}

/// The confirmation's answer is lost, and the agent says it again.
@Test func aConfirmationThatIsNotAnsweredIsSaidAgain() async throws {
    let answers = [
        nextPath: [next], configPath: [config],
        confirmPath: [.init(status: 503), .init(status: 204)],
    ]
    try await withInstance(answers) { stub, installation, refresh in
        _ = try await refresh.fetch()
        await refresh.settle()
        #expect(try stub.requests(confirmPath).map(\.status) == [503, 204])
        #expect(!Files.exists(installation.previousTokenPath))
    }
}

@Test func untilThePlatformHasAnsweredBothStayOnTheDisk() async throws {
    let answers = [nextPath: [next], configPath: [config], confirmPath: [.init(status: 503)]]
    try await withInstance(answers) { stub, installation, refresh in
        _ = try await refresh.fetch()
        await Rotation(installation: installation).confirm(attempts: 1)
        #expect(Files.exists(installation.previousTokenPath))
        #expect(try installation.secrets()?.adminToken == "the-next-one")
        #expect(try stub.requests(confirmPath).count == 1)
    }
}

/// The platform withdrew the new one while this instance was cut off: the old one is good for it.
@Test func aWithdrawnTokenIsLeftForTheOneBefore() async throws {
    let answers = [
        nextPath: [next, .init(status: 401)], configPath: [config, .init(status: 401), config],
    ]
    try await withInstance(answers) { stub, installation, refresh in
        _ = try await refresh.fetch()
        _ = try await refresh.fetch()
        #expect(
            try stub.tokens().suffix(3) == [
                "credentials the-next-one", "config the-next-one", "config admin-token-canary",
            ])
        #expect(try installation.secrets()?.adminToken == "admin-token-canary")
        #expect(!Files.exists(installation.previousTokenPath))
    }
}

/// Cut off between the two files: the old one is written twice, and is the one in force.
@Test func aTokenThatWasOnlySetAsideIsNoNewOne() async throws {
    try await withInstance([:]) { _, installation, _ in
        try Files.replace(installation.previousTokenPath, with: Array("admin-token-canary".utf8))
        #expect(try Rotation(installation: installation).goBack() == nil)
        #expect(!Files.exists(installation.previousTokenPath))
        #expect(try installation.secrets()?.adminToken == "admin-token-canary")
    }
}
