import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private func makeStack(
    _ declaration: Declaration = exampleDeclaration(platform: "https://cp.example"),
    secrets: EnrolmentGrant = exampleGrant, configuration: [String: String] = [:],
    images: [String: String] = [:], authorities: String? = nil
) -> Stack {
    Stack(
        declaration: declaration, secrets: secrets, configuration: configuration, images: images,
        gateway: "172.17.0.1", authoritiesPath: authorities)
}

private func service(_ name: String, _ stack: Stack) throws -> Service {
    try #require(try stack.services(network: "holder").first { $0.name == name })
}

@Test func theStackStartsInOrderAndOnlyPostgresIsOnTheBridge() throws {
    let services = try makeStack().services(network: "holder")
    #expect(services.map(\.stage) == [.postgres, .redis, .memoryPlugin, .tenant, .tunnel])
    #expect(
        services.map(\.spec.host.networkMode)
            == ["bridge"] + Array(repeating: "container:holder", count: 4))
    #expect(services[0].spec.host.portBindings["5432/tcp"] == [.init(hostIP: "172.17.0.1", hostPort: "5432")])
}

@Test func noSecretIsInACommandOrALabel() throws {
    let stack = makeStack()
    for spec in [stack.holder] + (try stack.services(network: "holder").map(\.spec)) {
        let words = (spec.command ?? []) + (spec.entrypoint ?? []) + spec.host.binds
        #expect(!words.joined().contains("canary"))
        #expect(!"\(try StackRuntime.labelled(spec).labels)".contains("canary"))
    }
}

@Test func theTenantGetsWhatItsImagesKnow() throws {
    let variables = Set(try service("molecule-tenant", makeStack()).spec.environment)
    #expect(variables.contains("MOLECULE_ORG_ID=\(exampleOrg)"))
    #expect(variables.contains("MOLECULE_CP_URL=https://cp.example"))
    #expect(variables.contains("CP_UPSTREAM_URL=https://cp.example"))
    #expect(variables.contains("ADMIN_TOKEN=admin-token-canary"))
    #expect(
        variables.contains("DATABASE_URL=postgres://molecule:p%40ss%20word%2Fcanary@172.17.0.1:5432/molecule")
    )
}

@Test func thePlatformsConfigurationRotatesASecretAndMovesNothing() throws {
    let stack = makeStack(configuration: [
        "MOLECULE_CP_SHARED_SECRET": "rotated", "DATABASE_URL": "postgres://elsewhere",
        "BILLING_STATE": "paid",
    ])
    let variables = Set(try service("molecule-tenant", stack).spec.environment)
    #expect(variables.contains("MOLECULE_CP_SHARED_SECRET=rotated"))
    #expect(variables.contains("BILLING_STATE=paid"))
    #expect(!variables.contains("DATABASE_URL=postgres://elsewhere"))
}

@Test func aSelfHostedTenantHasNoPlatformAndNoTunnel() throws {
    var declaration = exampleDeclaration(platform: nil)
    declaration.stack.cloudflared = nil
    let secrets = EnrolmentGrant.selfMade()
    let services = try makeStack(declaration, secrets: secrets).services(network: "holder")
    #expect(services.map(\.stage) == [.postgres, .redis, .memoryPlugin, .tenant])
    let names = services[3].spec.environment.map { $0.prefix { $0 != "=" } }
    #expect(
        !names.contains { $0.hasPrefix("MOLECULE_CP") || $0 == "MOLECULE_ORG_ID" || $0 == "CP_UPSTREAM_URL" })
    #expect(secrets.adminToken.count == 64 && secrets.adminToken != EnrolmentGrant.selfMade().adminToken)
    #expect(Data(base64Encoded: secrets.secretsEncryptionKey)?.count == 32)
}

@Test func aDeclaredTunnelWithoutATokenIsRefused() {
    let failure = #expect(throws: StageFailure.self) {
        try makeStack(secrets: .selfMade()).services(network: "holder")
    }
    #expect(failure?.code == .invalidDeclaration)
}

@Test func aPrivateAuthorityIsMountedReadOnly() throws {
    let spec = try service("molecule-tenant", makeStack(authorities: "/etc/molecule/ca-bundle.pem")).spec
    #expect(
        spec.host.binds == [
            "/var/lib/molecule/tenant:/var/lib/molecule",
            "/etc/molecule/ca-bundle.pem:/etc/molecule/ca-bundle.pem:ro",
        ])
    #expect(spec.environment.contains("WORKSPACE_DATA=/var/lib/molecule"))
    #expect(spec.environment.contains("CURL_CA_BUNDLE=/etc/molecule/ca-bundle.pem"))
}

@Test func aRedeployedImageStandsUntilTheDeclarationChanges() {
    var state = StackState()
    state.images["molecule-tenant"] = .init(declared: "registry/tenant:1", current: "registry/tenant:2")
    let declared = Stack.declaredImages(exampleDeclaration(platform: nil).stack)
    #expect(state.chosen(declared) == ["molecule-tenant": "registry/tenant:2"])
    var changed = declared
    changed["molecule-tenant"] = "registry/tenant:3"
    #expect(state.chosen(changed).isEmpty)
}

@Test func theSameSpecificationHasTheSameFingerprint() throws {
    let one = try service("molecule-tenant", makeStack()).spec
    #expect(try one.fingerprint() == service("molecule-tenant", makeStack()).spec.fingerprint())
    let other = try service("molecule-tenant", makeStack(configuration: ["A": "b"])).spec
    #expect(try one.fingerprint() != other.fingerprint())
}

@Test func aFileIsReplacedWithItsModeWhateverTheUmask() async throws {
    try await withTemporaryFolder { folder in
        let path = "\(folder)/file"
        try Files.replace(path, with: [1], mode: 0o644)
        try Files.replace(path, with: [2, 3], mode: 0o600)
        #expect(try Files.read(path) == [2, 3])
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["file"])
        #expect(try Files.read("\(folder)/absent") == nil)
    }
}

@Test func aLockHasOneHolder() async throws {
    try await withTemporaryFolder { folder in
        let path = "\(folder)/lock"
        var first = try FileLock.acquireNow(path)
        #expect(first != nil)
        #expect(try FileLock.acquireNow(path) == nil)
        #expect(try await FileLock.acquire(path, waitingAtMost: .milliseconds(150)) == nil)
        first = nil
        #expect(try FileLock.acquireNow(path) != nil)
    }
}
