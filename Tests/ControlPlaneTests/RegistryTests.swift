import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import AdminProtocol
@testable import Digests
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// The registry's client against real registries that ask for credentials, and against one that misbehaves.
@Suite struct RegistryTests {
    let http = HTTPClient()

    private static let user = RegistryUser(username: "puller", password: "correct horse")

    private func client(_ url: String, _ auth: RegistryAuth) -> RegistryClient {
        let nowhere = AWSConnection(
            region: "r", credentials: .init(accessKeyID: "a", secretAccessKey: "b"),
            endpointURL: "http://127.0.0.1:1", http: http)
        return RegistryClient(url: url, http: http, login: RegistryLogin(auth, ecr: ECRClient(nowhere)))
    }

    private func with(
        _ access: TestRegistry.Access, _ body: (TestRegistry) async throws -> Void
    ) async throws {
        let registry = try await TestRegistry(access)
        do {
            try await body(registry)
        } catch {
            await registry.remove()
            throw error
        }
        await registry.remove()
    }

    private func refusal(_ body: () async throws -> Void) async -> AppError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? AppError
        }
    }

    // MARK: Credentials

    @Test func aUserAndAPasswordOpenARegistryThatAsksForThem() async throws {
        let access = TestRegistry.Access.basic(username: "puller", password: "correct horse")
        try await with(access) { registry in
            let pushed = try await registry.push("molecule-tenant", tag: "v2", labels: ["a": "b"], http)
            let good = client(registry.url, .basic(Self.user))
            #expect(try await good.digest(repository: "molecule-tenant", reference: "v2") == pushed)
            #expect(try await good.digest(repository: "molecule-tenant", reference: "v3") == nil)
            #expect(try await good.labels(of: "molecule-tenant@\(pushed)") == ["a": "b"])

            let wrong = RegistryUser(username: "puller", password: "a wrong password")
            for auth in [RegistryAuth.none, .basic(wrong)] {
                let bad = client(registry.url, auth)
                let error = await refusal {
                    _ = try await bad.digest(repository: "molecule-tenant", reference: "v2")
                }
                #expect(error?.code == "registry_unauthorized" && error?.kind == .upstream)
                #expect(error.map { "\($0)" }?.contains("a wrong password") == false)
            }
        }
    }

    @Test func aTokenServerIsAskedForExactlyWhatTheRegistryNames() async throws {
        try await withTemporaryFolder { folder in
            let tokens = try RegistryTokenServer(folder: folder)
            try await with(.tokens(of: tokens)) { registry in
                let pushed = try await registry.push("team/tenant", tag: "v2", labels: ["x": "y"], http)
                let user = RegistryUser(
                    username: RegistryTokenServer.username, password: RegistryTokenServer.password)
                let good = client(registry.url, .basic(user))
                #expect(try await good.digest(repository: "team/tenant", reference: "v2") == pushed)
                #expect(tokens.requests() == ["repository:team/tenant:pull True"])
                #expect(try await good.labels(of: "team/tenant@\(pushed)") == ["x": "y"])

                let anonymous = client(registry.url, .none)
                let error = await refusal {
                    _ = try await anonymous.digest(repository: "team/tenant", reference: "v2")
                }
                #expect(error?.code == "registry_unauthorized")
                #expect(tokens.requests().last == "repository:team/tenant:pull anonymous")
                let wrong = RegistryUser(username: RegistryTokenServer.username, password: "wrong")
                let refused = await refusal {
                    _ = try await client(registry.url, .basic(wrong)).resolve("team/tenant:v2")
                }
                #expect(refused?.code == "registry_unauthorized")
            }
        }
    }

    /// Whoever writes the header must not be able to have the credentials sent to him.
    @Test(arguments: [
        "http://localhost:PORT/token", "http://user@127.0.0.1.example:PORT/token",
        "https://localhost:PORT/token",
        "ftp://127.0.0.1:PORT/token", "//127.0.0.1:PORT/token", "/token", "", "https://",
    ])
    func credentialsGoNowhereElse(_ realm: String) async throws {
        try await withTemporaryFolder { folder in
            let server = try await ScriptedServer(folder: folder)
            let port = server.url.split(separator: ":").last ?? ""
            let challenge = #"Bearer realm="\#(realm.replacing("PORT", with: port))",service="s",scope="x""#
            try server.answer([
                "/v2/a/manifests/sha256:\(String(repeating: "0", count: 64))": [
                    .init(status: 401, headers: ["WWW-Authenticate": challenge])
                ]
            ])
            let error = await refusal {
                _ = try await client(server.url, .basic(Self.user)).labels(
                    of: "a@sha256:" + String(repeating: "0", count: 64))
            }
            #expect(error?.code == "registry_unauthorized")
            let seen = try server.requests()
            #expect(seen.count == 1 && seen.allSatisfy { $0.authorization.isEmpty }, "\(seen)")
            await server.stop()
        }
    }

    // MARK: Labels

    @Test func theLabelsAreThoseOfTheLinuxImageOfAnIndex() async throws {
        try await with(.open) { registry in
            let arm = try await registry.push("tenant", tag: "arm", labels: ["for": "arm"], http)
            let amd = try await registry.push("tenant", tag: "amd", labels: ["for": "amd"], http)
            let index = try await registry.push(
                "tenant", tag: "all",
                index: [("unknown/unknown", arm), ("linux/arm64", arm), ("linux/amd64", amd)], http)
            let reader = client(registry.url, .none)
            #expect(try await reader.labels(of: "tenant@\(index)") == ["for": "amd"])
            #expect(try await reader.labels(of: "\(reader.host)/tenant@\(arm)") == ["for": "arm"])
            let plain = try await registry.push("tenant", tag: "plain", http)
            #expect(try await reader.labels(of: "tenant@\(plain)").isEmpty)
            let other = try await registry.push("tenant", tag: "other", index: [("linux/arm64", arm)], http)
            for image in [
                "tenant@\(other)", "tenant:all", "elsewhere.example/tenant@\(amd)", "tenant@sha256:12",
            ] {
                let error = await refusal { _ = try await reader.labels(of: image) }
                #expect(error?.code == "image_unusable" && error?.kind == .unprocessable, "\(image)")
            }
            let missing = "sha256:" + String(repeating: "1", count: 64)
            let error = await refusal { _ = try await reader.labels(of: "tenant@\(missing)") }
            #expect(error?.code == "image_not_found")
        }
    }

    /// As a registry that keeps its blobs in a bucket does: the address is signed, and refuses others.
    @Test func redirectsAreFollowedWithoutTheCredentials() async throws {
        try await withTemporaryFolder { folder in
            let config = #"{"config":{"Labels":{"kept":"elsewhere"}}}"#
            let configDigest = RegistryClient.digest(of: Array(config.utf8))
            let manifest = #"{"config":{"digest":"\#(configDigest)"}}"#
            let digest = RegistryClient.digest(of: Array(manifest.utf8))
            let server = try await ScriptedServer(folder: folder)
            let challenge = ScriptedServer.Answer(
                status: 401, headers: ["WWW-Authenticate": #"Basic realm="r""#])
            let bucket = ["Location": server.url + "/bucket/blob?signature=1"]
            let blob = "/v2/a/blobs/\(configDigest)"
            let manifests = "/v2/a/manifests/\(digest)"
            try server.answer([
                manifests: [challenge, .init(status: 200, body: manifest)],
                blob: [challenge, .init(status: 307, headers: bucket)],
                "/bucket/blob?signature=1": [.init(status: 200, body: config)],
            ])
            let reader = client(server.url, .basic(Self.user))
            #expect(try await reader.labels(of: "a@\(digest)") == ["kept": "elsewhere"])
            let seen = try server.requests()
            #expect(seen.map(\.path) == [manifests, manifests, blob, blob, "/bucket/blob?signature=1"])
            #expect(seen.map(\.authorization.isEmpty) == [true, false, true, false, true])

            for location in ["http://169.254.169.254/latest", "ftp://127.0.0.1/", "//evil.example/x"] {
                try server.answer([
                    manifests: [.init(status: 200, body: manifest)],
                    blob: [.init(status: 302, headers: ["Location": location])],
                ])
                let error = await refusal { _ = try await reader.labels(of: "a@\(digest)") }
                #expect(error?.code == "registry_unavailable", "\(location)")
            }
            await server.stop()
        }
    }

    @Test func whatIsNotWhatTheDigestSaysOrTooLongIsRefused() async throws {
        try await withTemporaryFolder { folder in
            let long = String(repeating: " ", count: RegistryClient.maximumConfigurationBytes) + "{}"
            let longDigest = RegistryClient.digest(of: Array(long.utf8))
            let manifest = #"{"config":{"digest":"\#(longDigest)"}}"#
            let digest = RegistryClient.digest(of: Array(manifest.utf8))
            let server = try await ScriptedServer(folder: folder)
            try server.answer([
                "/v2/a/manifests/\(digest)": [.init(status: 200, body: manifest)],
                "/v2/a/blobs/\(longDigest)": [
                    .init(status: 200, body: long), .init(status: 200, body: #"{"config":{}}"#),
                ],
            ])
            let reader = client(server.url, .none)
            for _ in 0..<2 {
                let error = await refusal { _ = try await reader.labels(of: "a@\(digest)") }
                #expect(error?.code == "registry_unavailable")
            }
            await server.stop()
        }
    }

    @Test func challengesAreReadAsTheStandardWritesThem() {
        let both =
            #"Basic realm="a, \"b\"", Bearer realm="https://x/t",service="s",scope="repository:a:pull,push""#
        #expect(
            RegistryChallenge.parse(both) == [
                .init(scheme: "basic", parameters: ["realm": #"a, "b""#]),
                .init(
                    scheme: "bearer",
                    parameters: ["realm": "https://x/t", "service": "s", "scope": "repository:a:pull,push"]),
            ])
        #expect(RegistryChallenge.parse("Negotiate").map(\.scheme) == ["negotiate"])
        #expect(RegistryChallenge.parse("BEARER Realm=x").first?.parameters == ["realm": "x"])
        for junk in ["", ",", "=", "\"", "a=b", "Bearer realm=\"", "Basic \\"] {
            #expect(RegistryChallenge.parse(junk).allSatisfy { $0.parameters["realm"]?.isEmpty != true })
        }
    }
}
