import AWSSigV4
import CurlHTTP
import Foundation
import TestSupport

@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// One moto server for the test process, and one call of each kind.
final class Moto: Sendable {
    static let shared = Result { try Moto() }

    private struct Announcement: Decodable {
        var endpoint, tamperingEndpoint, accessKey, secretKey, image, subnet, securityGroup, keyId: String
    }

    private let server: OracleServer
    private let place: Announcement
    private let http = HTTPClient()

    private init() throws {
        let python = try Oracle.environment.get() + "/bin/python"
        server = try OracleServer("moto_authenticated.py", python: python)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        place = try decoder.decode(Announcement.self, from: server.announcement)
    }

    var image: String { place.image }
    var keyId: String { place.keyId }
    var tamperingEndpoint: String { place.tamperingEndpoint }

    func connection(secret: String? = nil, endpoint: String? = nil) -> AWSConnection {
        let credentials = Credentials(
            accessKeyID: place.accessKey, secretAccessKey: secret ?? place.secretKey)
        return AWSConnection(
            region: "us-east-1", credentials: credentials, endpointURL: endpoint ?? place.endpoint, http: http
        )
    }

    func launch(_ mark: String) -> RunInstancesRequest {
        RunInstancesRequest(
            imageID: place.image, instanceType: "t3.small", clientToken: UUID().uuidString,
            subnetID: place.subnet,
            securityGroupIDs: [place.securityGroup], instanceProfileName: "tenant", volumeGigabytes: 30,
            userData: Array("#!/bin/bash\necho \"a+b=ü\"\n".utf8), tags: ["mark": mark, "Name": "tenant ü"])
    }

    struct Call: Sendable, CustomStringConvertible {
        var service: String
        var description: String
        var run: @Sendable (AWSConnection, Moto) async throws -> Void
    }

    static let calls: [Call] = ec2 + ssm + kms + ecr

    private static let ec2 = [
        Call(service: "ec2", description: "RunInstances") { connection, moto in
            _ = try await EC2Client(connection).runInstances(moto.launch("x"))
        },
        Call(service: "ec2", description: "DescribeInstances by id") { connection, _ in
            _ = try await EC2Client(connection).describeInstances(ids: ["i-1"])
        },
        Call(service: "ec2", description: "DescribeInstances by filter") { connection, _ in
            _ = try await EC2Client(connection).describeInstances(filters: [
                .init(name: "tag:a", values: ["b"])
            ])
        },
        Call(service: "ec2", description: "TerminateInstances") { connection, _ in
            try await EC2Client(connection).terminateInstances(ids: ["i-1"])
        },
        Call(service: "ec2", description: "GetConsoleOutput") { connection, _ in
            _ = try await EC2Client(connection).getConsoleOutput(id: "i-1")
        },
        Call(service: "ec2", description: "CreateTags") { connection, _ in
            try await EC2Client(connection).createTags(resources: ["i-1"], tags: ["a": "b"])
        },
    ]

    private static let ssm = [
        Call(service: "ssm", description: "SendCommand") { connection, _ in
            _ = try await SSMClient(connection).sendCommand(
                instanceIDs: ["i-1"], commands: ["true"], deliverySeconds: 60, limitSeconds: 60, comment: "")
        },
        Call(service: "ssm", description: "ListCommandInvocations") { connection, _ in
            _ = try await SSMClient(connection).listCommandInvocations(commandID: UUID().uuidString)
        },
        Call(service: "ssm", description: "DescribeInstanceInformation") { connection, _ in
            _ = try await SSMClient(connection).describeInstanceInformation(ids: ["i-1"])
        },
    ]

    private static let ecr = [
        Call(service: "ecr", description: "GetAuthorizationToken") { connection, _ in
            _ = try await ECRClient(connection).authorizationToken()
        }
    ]

    private static let kms = [
        Call(service: "kms", description: "GenerateDataKey") { connection, moto in
            _ = try await KMSClient(connection).generateDataKey(keyID: moto.keyId)
        },
        Call(service: "kms", description: "Decrypt") { connection, _ in
            _ = try await KMSClient(connection).decrypt(ciphertext: [1, 2, 3])
        },
    ]
}
