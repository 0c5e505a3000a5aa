import AdminProtocol
import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// Registries that do not answer HEAD as the reference implementation does.
@Suite struct RegistryDigestTests {
    private typealias Answer = ScriptedServer.Answer

    private static let manifest = #"{"schemaVersion":2,"config":{"digest":"sha256:0"}}"#
    private static let digest = RegistryClient.digest(of: Array(manifest.utf8))
    private static let path = "/v2/team/tenant/manifests/v2"
    private static let named = ["Docker-Content-Digest": digest]

    private let http = HTTPClient()

    private func client(_ url: String, _ auth: RegistryAuth = .none) -> RegistryClient {
        let nowhere = AWSConnection(
            region: "r", credentials: .init(accessKeyID: "a", secretAccessKey: "b"),
            endpointURL: "http://127.0.0.1:1", http: http)
        return RegistryClient(url: url, http: http, login: RegistryLogin(auth, ecr: ECRClient(nowhere)))
    }

    private func with(
        _ answers: [String: [Answer]], _ body: (ScriptedServer) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let server = try await ScriptedServer(folder: folder, answers)
            do {
                try await body(server)
            } catch {
                await server.stop()
                throw error
            }
            await server.stop()
        }
    }

    struct Registry: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var head: ScriptedServer.Answer
        /// nil: HEAD is enough.
        var get: ScriptedServer.Answer?
    }

    @Test(arguments: [
        Registry(testDescription: "as usual", head: .init(status: 200, headers: named)),
        Registry(
            testDescription: "without the header", head: .init(status: 200),
            get: .init(status: 200, body: manifest)),
        Registry(
            testDescription: "with a header of another kind",
            head: .init(status: 200, headers: ["Docker-Content-Digest": "sha512:00"]),
            get: .init(status: 200, body: manifest)),
        Registry(
            testDescription: "without HEAD", head: .init(status: 405),
            get: .init(status: 200, headers: named, body: manifest)),
        Registry(
            testDescription: "HEAD not implemented", head: .init(status: 501),
            get: .init(status: 200, body: manifest)),
        Registry(
            testDescription: "HEAD forbidden", head: .init(status: 403),
            get: .init(status: 200, body: manifest)),
    ])
    func theDigestIsFoundInOneWayOrTheOther(_ registry: Registry) async throws {
        var answers = ["HEAD \(Self.path)": [registry.head]]
        answers["GET \(Self.path)"] = registry.get.map { [$0] }
        try await with(answers) { server in
            let found = try await client(server.url).digest(repository: "team/tenant", reference: "v2")
            #expect(found == Self.digest)
            #expect(
                try server.requests().map(\.method) == (registry.get == nil ? ["HEAD"] : ["HEAD", "GET"]))
        }
    }

    /// 307 to a path of the registry's own, with its credentials; from there to a bucket, without.
    @Test func redirectsOfHEADAreFollowed() async throws {
        let challenge = Answer(status: 401, headers: ["WWW-Authenticate": #"Basic realm="r""#])
        let answers = [
            Self.path: [challenge, Answer(status: 307, headers: ["Location": "../moved/v2?x=1"])],
            "/v2/team/tenant/moved/v2?x=1": [challenge, Answer(status: 200, headers: Self.named)],
        ]
        try await with(answers) { server in
            let user = RegistryUser(username: "puller", password: "correct horse")
            let found = try await client(server.url, .basic(user))
                .digest(repository: "team/tenant", reference: "v2")
            #expect(found == Self.digest)
            let seen = try server.requests()
            #expect(seen.map(\.method) == ["HEAD", "HEAD", "HEAD", "HEAD"])
            #expect(seen.map(\.authorization.isEmpty) == [true, false, true, false])
        }
    }

    @Test func elsewhereIsAskedWithoutCredentialsAndByGETWhereHEADIsRefused() async throws {
        try await withTemporaryFolder { folder in
            let bucket = try await ScriptedServer(
                folder: folder,
                [
                    "HEAD /blob?signature=1": [.init(status: 403)],
                    "GET /blob?signature=1": [.init(status: 200, body: Self.manifest)],
                ])
            let challenge = Answer(status: 401, headers: ["WWW-Authenticate": #"Basic realm="r""#])
            let away = Answer(status: 307, headers: ["Location": bucket.url + "/blob?signature=1"])
            try await with(["HEAD \(Self.path)": [challenge, away], "GET \(Self.path)": [challenge, away]]) {
                server in
                let user = RegistryUser(username: "puller", password: "correct horse")
                let found = try await client(server.url, .basic(user))
                    .digest(repository: "team/tenant", reference: "v2")
                #expect(found == Self.digest)
                #expect(try bucket.requests().map(\.method) == ["HEAD", "GET"])
                #expect(try bucket.requests().allSatisfy(\.authorization.isEmpty))
            }
            await bucket.stop()
        }
    }

    @Test func anImageThatIsNotThereIsNone() async throws {
        for head in [404, 405] {
            try await with(["HEAD \(Self.path)": [.init(status: head)]]) { server in
                let found = try await client(server.url).digest(repository: "team/tenant", reference: "v2")
                #expect(found == nil)
            }
        }
    }

    @Test(arguments: [
        Answer(status: 503), Answer(status: 200), Answer(status: 401),
        Answer(
            status: 200, headers: ["Docker-Content-Digest": "sha256:" + String(repeating: "0", count: 64)],
            body: manifest),
        Answer(
            status: 200,
            headers: ["Content-Type": "application/vnd.docker.distribution.manifest.v1+prettyjws"],
            body: manifest),
        Answer(status: 307, headers: ["Location": "http://169.254.169.254/latest"]),
        Answer(status: 307, headers: ["Location": "ftp://127.0.0.1/x"]),
        Answer(status: 307, headers: ["Location": path]), Answer(status: 307),
    ])
    func whatProvesNothingIsRefused(_ get: ScriptedServer.Answer) async throws {
        try await with(["HEAD \(Self.path)": [.init(status: 405)], "GET \(Self.path)": [get]]) { server in
            let error = await #expect(throws: AppError.self) {
                try await client(server.url).digest(repository: "team/tenant", reference: "v2")
            }
            #expect(error?.kind == .upstream)
        }
    }

    /// By digest, the manifest must have it.
    @Test func whatIsAskedForByItsDigestIsChecked() async throws {
        let other = "sha256:" + String(repeating: "1", count: 64)
        let answers = [Self.digest, other].map { "/v2/team/tenant/manifests/\($0)" }
        let script = Dictionary(
            uniqueKeysWithValues: answers.flatMap {
                [
                    ("HEAD \($0)", [Answer(status: 200)]),
                    ("GET \($0)", [Answer(status: 200, body: Self.manifest)]),
                ]
            })
        try await with(script) { server in
            let reader = client(server.url)
            let found = try await reader.digest(repository: "team/tenant", reference: Self.digest)
            #expect(found == Self.digest)
            await #expect(throws: AppError.self) {
                try await reader.digest(repository: "team/tenant", reference: other)
            }
        }
    }
}
