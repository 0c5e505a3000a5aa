import CurlHTTP
import DurableFiles
import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

private let route = "/cp/tenants/registry-credentials"

private func credentials(_ registry: String) -> RegistryCredentials {
    RegistryCredentials(
        registry: registry, username: testUsername, password: testPassword, expiresAt: nil)
}

private func body(_ credentials: RegistryCredentials) throws -> String {
    String(decoding: try encoded(credentials), as: UTF8.self)
}

private func reference(_ text: String) throws -> ImageReference { try #require(ImageReference(text)) }

/// An enrolled instance whose platform answers as told.
private func withAccess(
    _ answers: [ScriptedServer.Answer], _ body: (ScriptedServer, RegistryAccess) async throws -> Void
) async throws {
    try await withTemporaryFolder { folder in
        let stub = try await ScriptedServer(folder: folder, [route: answers])
        do {
            let installation = try makeInstallation(folder, platform: stub.url)
            try installation.write(exampleGrant)
            let platform = PlatformClient(try installation.declaration())
            try await body(stub, RegistryAccess(installation, platform))
        } catch {
            await stub.stop()
            throw error
        }
        await stub.stop()
    }
}

@Test func credentialsAreAskedForOnceAndShownToTheirRegistryOnly() async throws {
    let answer = ScriptedServer.Answer(status: 200, body: try body(credentials("registry.example:5000")))
    try await withAccess([.init(status: 502), answer]) { stub, access in
        let fields = try await access.header(for: try reference("registry.example:5000/team/image:1"))
        #expect(fields.map(\.name) == ["X-Registry-Auth"])
        let text = try #require(fields.first?.value)
        #expect(text.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") })
        let decoded = text.replacing("-", with: "+").replacing("_", with: "/")
        let login = try JSONDecoder().decode(
            [String: String].self, from: #require(Data(base64Encoded: decoded)))
        #expect(
            login == [
                "username": "tenant", "password": "registry-secret", "serveraddress": "registry.example:5000",
            ])
        for other in ["registry.example/image:1", "other.example:5000/image:1", "image:1"] {
            #expect(try await access.header(for: try reference(other)).isEmpty, "\(other)")
        }
        let asked = try stub.requests(route)
        #expect(asked.map(\.status) == [502, 200])
        #expect(asked.allSatisfy { $0.authorization == "Bearer admin-token-canary" && $0.org == exampleOrg })
    }
}

@Test(arguments: [204, 404, 401])
func withoutCredentialsImagesAreFetchedAsTheyAre(status: Int) async throws {
    try await withAccess([.init(status: status)]) { _, access in
        let image = try reference("registry.example/image:1")
        #expect(await access.credentials(for: image) == nil)
    }
}

@Test func aSelfHostedTenantsFileIsUsedOnlyWhenNobodyElseCanReadIt() async throws {
    try await withTemporaryFolder { folder in
        let installation = try makeInstallation(folder, platform: nil)
        let image = try reference("registry.example/image:1")
        let own = credentials("registry.example")
        try Files.replace(installation.registryPath, with: try encoded(own), mode: 0o640)
        #expect(await RegistryAccess(installation, nil).credentials(for: image) == nil)
        try Files.replace(installation.registryPath, with: try encoded(own), mode: 0o600)
        #expect(await RegistryAccess(installation, nil).credentials(for: image) == own)
    }
}

@Test func aReferenceTellsItsRegistry() throws {
    let plain = try reference("redis:7")
    #expect(plain.registry == "docker.io" && plain.path == "library/redis")
    #expect(plain.registryAddress == "registry-1.docker.io")
    #expect(try reference("team/redis").path == "team/redis")
    #expect(try reference("docker.io/team/redis").path == "team/redis")
    let local = try reference("localhost/redis")
    #expect(local.registry == "localhost" && local.path == "redis")
    let deep = try reference("10.0.0.1:5000/a/b@sha256:" + String(repeating: "a", count: 64))
    #expect(deep.registry == "10.0.0.1:5000" && deep.path == "a/b")
}

@Test func onlyLayersThatAreNotHereAreCounted() {
    let image = RemoteImage(
        labels: [:], environment: [],
        layers: [.init(size: 100, digest: "a"), .init(size: 20, digest: "b"), .init(size: 3, digest: "c")])
    #expect(image.missingBytes(over: []) == 123)
    #expect(image.missingBytes(over: ["a", "b"]) == 3)
    // Docker shares layers from the lowest up, and no others.
    #expect(image.missingBytes(over: ["x", "b", "c"]) == 123)
}

@Test func aRegistryWithoutTLSIsOneThatTheDaemonWasToldOf() throws {
    let json = """
        {"DockerRootDir":"/var/lib/docker","Architecture":"x86_64","RegistryConfig":{
         "InsecureRegistryCIDRs":["10.0.0.0/8","127.0.0.0/8","::1/128"],
         "IndexConfigs":{"docker.io":{"Secure":true},"plain.example:5000":{"Secure":false}}}}
        """
    let settings = try JSONDecoder().decode(DockerEngine.Settings.self, from: Data(json.utf8))
    #expect(settings.isInsecure("10.77.0.1:5000") && settings.isInsecure("plain.example:5000"))
    #expect(settings.isInsecure("localhost:5000") && settings.isInsecure("127.0.0.1:1"))
    #expect(!settings.isInsecure("docker.io") && !settings.isInsecure("11.0.0.1:5000"))
    #expect(settings.imageArchitecture == "amd64")
    let challenge =
        #"Bearer realm="https://auth.example/token",service="registry.example",scope="a:b:pull,push""#
    #expect(
        Registry.parameters(challenge) == [
            "realm": "https://auth.example/token", "service": "registry.example", "scope": "a:b:pull,push",
        ])
}

private let hasDaemon: Bool = {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["docker", "version"]
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
}()

/// A real registry that lets nobody in without a password, and the real Docker daemon.
@Suite(.enabled(if: hasDaemon, "needs a Docker daemon"))
struct PrivateRegistryTests {
    private func withRegistry(
        _ body: (_ image: ImageReference, _ access: RegistryAccess, _ stranger: RegistryAccess) async throws
            -> Void
    ) async throws {
        let registry = try await TestRegistry(.basic(username: testUsername, password: testPassword))
        let http = HTTPClient()
        defer { http.shutdown() }
        do {
            let digest = try await registry.push(
                "private", tag: "v1", labels: ["molecule.schema": "4-5", "n": "\(UUID())"], http)
            let host = registry.url.replacing("http://", with: "")
            try await withTemporaryFolder { folder in
                let installation = try makeInstallation(folder, platform: nil)
                let stranger = RegistryAccess(installation, nil)
                _ = await stranger.credentials(for: try reference("a:b"))
                try Files.replace(installation.registryPath, with: try encoded(credentials(host)))
                let image = try reference("\(host)/private@\(digest)")
                try await body(image, RegistryAccess(installation, nil), stranger)
                _ = try? await DockerEngine().send("DELETE", "/images/\(image)")
            }
        } catch {
            await registry.remove()
            throw error
        }
        await registry.remove()
    }

    @Test func anImageIsFetchedWithThePasswordAndNotWithout() async throws {
        try await withRegistry { image, access, stranger in
            let docker = DockerEngine()
            let failure = await #expect(throws: StageFailure.self) {
                try await docker.pull(image, stranger, deadline: .now)
            }
            #expect(failure?.code == .pullFailed)
            try await docker.pull(image, access, deadline: .now + .seconds(20))
            let facts = try #require(try await docker.image("\(image)"))
            #expect(facts.digests?.contains("\(image)") == true)
            #expect(try SchemaRange.of(facts.labels, "\(image)") == SchemaRange("4-5"))
        }
    }

    @Test func sizesAndLabelsAreKnownBeforeAnythingIsFetched() async throws {
        try await withRegistry { image, access, _ in
            let docker = DockerEngine()
            func registry(_ credentials: RegistryCredentials?) -> Registry {
                Registry(
                    image: image, credentials: credentials, usesTLS: false, architecture: "amd64",
                    http: HTTPClient())
            }
            let remote = try await registry(await access.credentials(for: image)).describe()
            #expect(remote.labels["molecule.schema"] == "4-5" && remote.layers.isEmpty)
            let refused = await #expect(throws: StageFailure.self) { try await registry(nil).describe() }
            #expect(refused?.code == .pullFailed)
            #expect(try await docker.isInRegistry(image, access))
            #expect(try await docker.image("\(image)") == nil)
        }
    }
}

private let testUsername = "tenant"
private let testPassword = "registry-secret"
