import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// Every kind of call against moto with authentication on: an independent judge of our signatures, our
/// encoding and our parsing.
@Suite struct AWSMotoTests {
    let moto: Moto

    init() throws { moto = try Moto.shared.get() }

    @Test func launchesFindsTagsAndTerminatesInstances() async throws {
        let ec2 = EC2Client(moto.connection())
        let mark = UUID().uuidString
        let launched = try await ec2.runInstances(moto.launch(mark))
        #expect(launched.id.hasPrefix("i-") && launched.tags["mark"] == mark)

        try await ec2.createTags(resources: [launched.id], tags: ["plus": "a+b &=ü"])
        let found = try await ec2.describeInstances(filters: [
            EC2Filter(name: "tag:mark", values: [mark]),
            EC2Filter(name: "instance-state-name", values: ["running"]),
        ])
        #expect(found.map(\.id) == [launched.id])
        #expect(found.first?.tags["plus"] == "a+b &=ü")
        #expect(try await ec2.describeInstances(ids: [launched.id]).first?.state == "running")
        #expect(
            try await ec2.describeInstances(filters: [EC2Filter(name: "tag:mark", values: ["none"])]).isEmpty)
        #expect(try await ec2.describeInstances(ids: []).isEmpty)
        _ = try await ec2.getConsoleOutput(id: launched.id)

        try await ec2.terminateInstances(ids: [launched.id])
        #expect(try await ec2.describeInstances(ids: [launched.id]).first?.state == "terminated")
    }

    @Test func sendsCommandsAndReadsTheirOutcome() async throws {
        let launched = try await EC2Client(moto.connection()).runInstances(moto.launch("ssm"))
        let ssm = SSMClient(moto.connection())
        let id = try await ssm.sendCommand(
            instanceIDs: [launched.id], commands: ["echo \"ü\""], deliverySeconds: 60, limitSeconds: 60,
            comment: "redeploy")
        #expect(UUID(uuidString: id) != nil)
        // moto does not have these calls: past the signature, which it does check, it fails with 500.
        var error = await failure { _ = try await ssm.listCommandInvocations(commandID: id) }
        #expect(error?.status == 500)
        error = await failure { _ = try await ssm.describeInstanceInformation(ids: [launched.id]) }
        #expect(error?.status == 500)
    }

    @Test func encryptsAndDecrypts() async throws {
        let kms = KMSClient(moto.connection())
        let key = try await kms.generateDataKey(keyID: moto.keyId)
        #expect(key.plaintext.count == 32)
        let opened = try await kms.decrypt(ciphertext: key.ciphertext)
        #expect(opened.plaintext == key.plaintext)
        #expect(opened.keyID == key.keyID && key.keyID.hasPrefix("arn:aws:kms:"))
    }

    @Test func getsATokenForTheRegistry() async throws {
        let token = try await ECRClient(moto.connection()).authorizationToken()
        #expect(token.username == "AWS" && !token.password.isEmpty)
        // Of a past year, whenever it is asked.
        #expect(token.expiresAt != nil)
        let host = AWSConnection(
            region: "eu-central-1", credentials: moto.connection().credentials, endpointURL: nil,
            http: HTTPClient()
        ).endpoint(of: "ecr")
        #expect(host == "https://api.ecr.eu-central-1.amazonaws.com")
    }

    @Test(arguments: Moto.calls) func aWrongSecretIsRefused(_ call: Moto.Call) async throws {
        let error = await failure(of: call, moto.connection(secret: "wrong"))
        #expect(error?.status == 401 || error?.status == 403, "\(String(describing: error))")
        #expect(error?.code == "AuthFailure" || error?.code == "SignatureDoesNotMatch")
        #expect(error?.isRetryable == false && error?.mayHaveTakenEffect == false)
    }

    @Test(arguments: Moto.calls) func aChangedBodyIsRefused(_ call: Moto.Call) async throws {
        let error = await failure(of: call, moto.connection(endpoint: moto.tamperingEndpoint))
        #expect(
            error?.code == "AuthFailure" || error?.code == "SignatureDoesNotMatch",
            "\(String(describing: error))")
    }

    @Test func whatDoesNotExistIsNamed() async throws {
        let ec2 = EC2Client(moto.connection())
        let error = await failure { _ = try await ec2.describeInstances(ids: ["i-0123456789abcdef0"]) }
        #expect(error?.code == "InvalidInstanceID.NotFound" && error?.isRetryable == false)
        #expect(error?.operation == "DescribeInstances" && error?.status == 400)
        let kms = KMSClient(moto.connection())
        let missing = await failure { _ = try await kms.generateDataKey(keyID: UUID().uuidString) }
        #expect(missing?.code == "NotFoundException" && missing?.service == "kms")
    }

    @Test func nobodyListeningIsRetryableAndHadNoEffect() async throws {
        let ec2 = EC2Client(moto.connection(endpoint: "http://127.0.0.1:1"))
        let error = await failure { _ = try await ec2.describeInstances(ids: ["i-1"]) }
        #expect(error?.status == nil)
        #expect(error?.isRetryable == true && error?.mayHaveTakenEffect == false)
    }

    private func failure(of call: Moto.Call, _ connection: AWSConnection) async -> ProviderError? {
        await failure { try await call.run(connection, moto) }
    }

    private func failure(_ body: () async throws -> Void) async -> ProviderError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? ProviderError
        }
    }
}
