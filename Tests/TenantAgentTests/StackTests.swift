import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private func makeStack(
    _ declaration: Declaration = exampleDeclaration(platform: "https://cp.example"),
    secrets: EnrolmentGrant = exampleGrant, configuration: [String: String] = [:],
    images: [String: String] = [:], authorities: String? = nil, fileReaders: Set<String> = []
) -> Stack {
    Stack(
        declaration: declaration, secrets: secrets, configuration: configuration, images: images,
        gateway: "172.17.0.1", fileReaders: fileReaders, authoritiesPath: authorities)
}

/// Every image of the example that knows files.
private let everyImage: Set<String> = [
    "registry/postgres:1", "registry/redis:1", "registry/memory:1", "registry/tenant:1",
    "registry/cloudflared:1",
]

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

/// `docker inspect` shows the whole of it.
@Test func noSecretIsInASpecificationWhereImagesReadFiles() throws {
    let stack = makeStack(
        configuration: ["MOLECULE_LLM_USAGE_TOKEN": "usage-canary"], fileReaders: everyImage)
    let services = try stack.services(network: "holder")
    for spec in [stack.holder] + services.map(\.spec) {
        #expect(!String(decoding: try encoded(spec), as: UTF8.self).contains("canary"), "\(spec.image)")
    }
    let files = services.reduce(into: [:]) { $0[$1.name] = $1.secrets?.values.keys.sorted() }
    #expect(
        files == [
            "molecule-postgres": ["POSTGRES_PASSWORD"], "molecule-memory-plugin": ["DATABASE_URL"],
            "molecule-cloudflared": ["TUNNEL_TOKEN"],
            "molecule-tenant": [
                "ADMIN_TOKEN", "DATABASE_URL", "MOLECULE_CP_SHARED_SECRET", "MOLECULE_LLM_USAGE_TOKEN",
                "SECRETS_ENCRYPTION_KEY",
            ],
        ])
    let tenant = try service("molecule-tenant", stack)
    #expect(tenant.spec.environment.contains("ADMIN_TOKEN_FILE=/run/secrets/ADMIN_TOKEN"))
    #expect(
        tenant.spec.host.binds.filter { $0.contains("/run/secrets") }.map { $0.hasSuffix(":ro") } == [true])
}

/// An image of before, or of somebody else: what clients' contracts name as variables are variables.
@Test func anImageThatKnowsNoFilesGetsVariables() throws {
    let stack = makeStack(fileReaders: ["registry/memory:1"])
    let tenant = try service("molecule-tenant", stack)
    #expect(tenant.secrets == nil && !tenant.spec.host.binds.contains { $0.contains("/run/secrets") })
    #expect(!tenant.spec.environment.contains { $0.contains("_FILE=") })
    #expect(tenant.spec.environment.contains("ADMIN_TOKEN=admin-token-canary"))
    let next = stack.with("registry/tenant:2", readsFiles: true, for: "molecule-tenant", at: nil)
    #expect(try service("molecule-tenant", next).secrets?.values["ADMIN_TOKEN"] == "admin-token-canary")
    #expect(try service("molecule-memory-plugin", next).secrets != nil)
}

/// Another secret is another specification: the container that runs is then not the one that is wanted.
@Test func anotherSecretIsAnotherSpecification() throws {
    let one = makeStack(fileReaders: everyImage)
    var secrets = exampleGrant
    secrets.adminToken = "another-canary"
    let other = makeStack(secrets: secrets, fileReaders: everyImage)
    for (name, isAnother) in [("molecule-tenant", true), ("molecule-memory-plugin", false)] {
        let (before, after) = (try service(name, one).spec, try service(name, other).spec)
        #expect(try (before.fingerprint() != after.fingerprint()) == isAnother, "\(name)")
    }
}

/// Root in a container is root on the host, but for what is taken from it.
@Test func everyContainerIsAUserOfItsOwnWithoutCapabilities() throws {
    let stack = makeStack()
    let specs = [stack.holder] + (try stack.services(network: "holder").map(\.spec))
    #expect(
        specs.map(\.user) == [
            "65534:65534", "999:999", "10003:10003", "10002:10002", "10001:10001", "10004:10004",
        ])
    for spec in specs {
        let json = String(decoding: try encoded(spec), as: UTF8.self)
        #expect(
            json.contains(#""CapDrop":["ALL"]"#) && json.contains(#""SecurityOpt":["no-new-privileges"]"#))
        #expect(!json.contains("CapAdd") && !json.contains("Privileged") && !json.contains("docker.sock"))
    }
}

/// `DATABASE_URL_FILE` would move the stack as `DATABASE_URL` would.
@Test func thePlatformsConfigurationNamesNoFiles() throws {
    for readers in [everyImage, []] {
        let stack = makeStack(configuration: ["DATABASE_URL_FILE": "/canary"], fileReaders: readers)
        let variables = try service("molecule-tenant", stack).spec.environment
        #expect(!variables.contains { $0.contains("canary") && $0.contains("_FILE") })
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
