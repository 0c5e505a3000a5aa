import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

@Suite struct ConfigurationTests {
    @Test func namesEverythingThatIsMissingAtOnce() throws {
        let error = #expect(throws: ConfigurationError.self) { try Configuration(environment: [:]) }
        let required = Variable.all.filter { $0.fallback == nil }.map(\.name)
        let text = try #require(error?.description)
        for name in required { #expect(text.contains(name), "\(name) is required, and not named") }
    }

    @Test func namesWhatIsMalformedWithoutShowingSecrets() throws {
        var environment = try ExampleEnvironment.make()
        environment["CP_ADMIN_API_TOKEN"] = "short-secret"
        environment["SECRETS_ENCRYPTION_KEY"] = "bm90IDMyIGJ5dGVz"
        environment["CP_LISTEN"] = "nowhere"
        environment["TENANT_AGENT_SHA256"] = "xyz"
        environment["EDGE_URL"] = "https://no-slug.example"
        let error = #expect(throws: ConfigurationError.self) { try Configuration(environment: environment) }
        let text = try #require(error?.description)
        #expect(error?.problems.count == 5)
        for name in [
            "CP_ADMIN_API_TOKEN", "SECRETS_ENCRYPTION_KEY", "CP_LISTEN", "TENANT_AGENT_SHA256", "EDGE_URL",
        ] {
            #expect(text.contains(name))
        }
        #expect(!text.contains("short-secret") && !text.contains("bm90IDMyIGJ5dGVz"))
    }

    @Test func acceptsTheExample() throws {
        let configuration = try Configuration(environment: ExampleEnvironment.make())
        #expect(configuration.listenPort == 0)
        #expect(configuration.launch.edgeURL == "https://{hostname}")
        #expect(configuration.aws.endpointURL == "http://127.0.0.1:9")
    }

    @Test func oneOfTheTwoKeysIsEnoughAndBothAreRead() throws {
        let arn = "arn:aws:kms:eu-central-1:1:key/2"
        var environment = try ExampleEnvironment.make(["KMS_KEY_ARN": arn])
        let both = try Configuration(environment: environment).secrets
        #expect(both.kmsKeyARN == arn && both.localKey?.count == 32)
        environment["SECRETS_ENCRYPTION_KEY"] = nil
        let kms = try Configuration(environment: environment).secrets
        #expect(kms.kmsKeyARN == arn && kms.localKey == nil)
    }

    @Test func theRegistrysUserIsReadWhereItIsNeeded() throws {
        func auth(_ overrides: [String: String]) throws -> RegistryAuth {
            try Configuration(environment: ExampleEnvironment.make(overrides)).registryAuth
        }
        let user = ["REGISTRY_USERNAME": "puller", "REGISTRY_PASSWORD": "hidden-word"]
        #expect(try auth(user) == .none)
        #expect(try auth(user.merging(["REGISTRY_AUTH": "ecr"]) { $1 }) == .ecr)
        #expect(
            try auth(user.merging(["REGISTRY_AUTH": "basic"]) { $1 })
                == .basic(RegistryUser(username: "puller", password: "hidden-word")))
        let mistakes = [
            (["REGISTRY_AUTH": "basic"], 2), (["REGISTRY_AUTH": "Basic"], 1),
            (["REGISTRY_AUTH": "basic", "REGISTRY_USERNAME": "a:b", "REGISTRY_PASSWORD": "hidden-word"], 1),
        ]
        for (overrides, count) in mistakes {
            let error = #expect(throws: ConfigurationError.self) { try auth(overrides) }
            #expect(error?.problems.count == count && error?.description.contains("REGISTRY_") == true)
            #expect(error?.description.contains("hidden-word") == false)
        }
    }

    @Test func anAuthorityThatDoesNotFitIntoUserDataIsRefused() async throws {
        try await withTemporaryFolder { folder in
            let path = folder + "/ca.pem"
            let text = String(repeating: "a", count: Declaration.maximumCertificateAuthorityLength + 1)
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            let environment = try ExampleEnvironment.make(["CP_CA_FILE": path])
            let error = #expect(throws: ConfigurationError.self) {
                try Configuration(environment: environment)
            }
            #expect(error?.problems.count == 1 && error?.description.contains("CP_CA_FILE") == true)
        }
    }
}
