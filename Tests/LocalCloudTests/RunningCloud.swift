import Foundation
import TestSupport
import Testing

/// A `localcloud serve` of a test's own: simulated instances, ports of the kernel's choice.
final class RunningCloud: Sendable {
    static let credentials = [
        "AWS_ACCESS_KEY_ID": "AKIALOCALTEST", "AWS_SECRET_ACCESS_KEY": "a-test-secret",
        "AWS_REGION": "us-east-1", "CLOUDFLARE_API_TOKEN": "a-test-token", "LOG_LEVEL": "warning",
        "STRIPE_ACCOUNT_KEY": "sk_test_of_the_account", "STRIPE_SECRET_KEY": "rk_test_of_the_platform",
        "STRIPE_WEBHOOK_SECRETS": "whsec_new,whsec_old",
        "PATH": "/usr/bin:/bin",
    ]

    struct Ready: Decodable {
        struct Ports: Decodable {
            var aws: Int
            var edge: Int
            var front: Int?
            var metadata: Int
            var tunnel: Int
        }
        var ports: Ports
        var caFile: String
        var identityCertFile: String
        var awsEndpointURL: String
        var metadataURL: String
        var artifactsURL: String

        enum CodingKeys: String, CodingKey {
            case ports
            case caFile = "ca_file"
            case identityCertFile = "identity_cert_file"
            case awsEndpointURL = "aws_endpoint_url"
            case metadataURL = "metadata_url"
            case artifactsURL = "artifacts_url"
        }
    }

    let folder: String
    let process: ChildProcess
    let ready: Ready
    var readyFile: String { folder + "/ready.json" }

    private init(
        _ arguments: [String], environment: [String: String], folder: String
    ) async throws {
        self.folder = folder
        let file = folder + "/ready.json"
        let process = try ChildProcess(
            builtProduct("localcloud"),
            [
                "serve", "--driver", "simulated", "--port-base", "0", "--folder", folder, "--ready-file",
                file,
                "--artifacts", folder,
            ] + arguments, environment: Self.credentials.merging(environment) { $1 })
        self.process = process
        do {
            try await eventually("the local cloud's ready file") {
                guard process.isRunning else { throw TestSupportError(process.collectedOutput) }
                return FileManager.default.fileExists(atPath: file)
            }
            ready = try JSONDecoder().decode(Ready.self, from: Data(contentsOf: URL(filePath: file)))
        } catch {
            await process.stop()
            throw error
        }
    }

    /// Starts one, runs the body, and ends it.
    static func with(
        _ arguments: String..., environment: [String: String] = [:],
        body: (RunningCloud) async throws -> Void
    ) async throws {
        let folder = try makeTemporaryFolder("localcloud")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let cloud = try await RunningCloud(arguments, environment: environment, folder: folder)
        do {
            try await body(cloud)
        } catch {
            await cloud.process.stop()
            throw error
        }
        await cloud.process.stop()
    }

    /// Runs a scenario of a Python program of Tests/oracles against this cloud.
    func judge(
        _ program: String, _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let python = try Oracle.environment.get() + "/bin/python"
        let path = packageRoot + "/Tests/oracles/" + program
        let (status, output) = try await runCommand(
            python, [path, readyFile] + arguments, environment: Self.credentials, within: .seconds(120))
        #expect(status == 0, "\(arguments[0]): \(output)", sourceLocation: sourceLocation)
    }
}
