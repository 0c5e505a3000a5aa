import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Organisations
@testable import Providers
@testable import Service

/// What a launch stands on and the platform did not create: an AMI as it is, and what is not there at all.
@Suite(.serialized) struct LaunchPlaceTests {
    /// The local cloud's AMI of Ubuntu's kind.
    private static let ubuntu = "ami-0123456789abcdef1"

    private struct Volume: Equatable {
        var device: String?
        var sizeGiB: Int?
        var encrypted: JSONValue?
        var snapshot: String?
    }

    private func volumes(_ cloud: TestCloud) async throws -> [Volume] {
        try await cloud.state()["volumes"]?.array?.compactMap(\.object).map {
            Volume(
                device: $0["device"]?.string, sizeGiB: $0["size_gib"]?.number, encrypted: $0["encrypted"],
                snapshot: $0["snapshot"]?.string)
        } ?? []
    }

    @Test(arguments: [("ami-0123456789abcdef0", "/dev/xvda"), (ubuntu, "/dev/sda1")])
    func theRootIsTheOneVolumeSizedEncryptedAndRestored(image: String, device: String) async throws {
        let settings = ["EC2_AMI_ID": image, "EC2_VOLUME_GB": "31", "RETENTION_DAYS": "free=7"]
        try await TestCloud.run(settings) { cloud in
            for slug in ["acme", "beta"] {
                try await cloud.signUp(slug)
                try await cloud.await(slug, "running", "failed")
            }
            let root = Volume(device: device, sizeGiB: 31, encrypted: .bool(true), snapshot: "")
            #expect(try await volumes(cloud) == [root, root])
            let totals = try await cloud.operate("GET", "calls")["totals"]?.object?["ec2"]?.object
            #expect(totals?["DescribeImages"]?.number == 1, "an AMI is asked for once")

            _ = try await cloud.service.send(
                "DELETE", "/cp/admin/tenants/acme", body: #"{"confirm":"acme"}"#)
            let kept = try await cloud.state()["snapshots"]?.array?.first?.object?["id"]?.string
            _ = try await cloud.service.send("POST", "/cp/admin/orgs/acme/restore")
            try await cloud.await("acme", "running", "failed")
            let restored = Volume(device: device, sizeGiB: 31, encrypted: .bool(true), snapshot: kept)
            #expect(kept != nil && restored.snapshot?.isEmpty == false)
            #expect(try await volumes(cloud) == [root, restored])
        }
    }

    /// A launch that was begun by an earlier version is sent again as it was.
    @Test func aLaunchFromBeforeTheQuestionKeepsItsParameters() throws {
        let configuration = try Configuration(environment: ExampleEnvironment.make())
        let images = configuration.launch.images
        var launch = Launch(
            slug: "acme", launchID: UUID(), placement: nil, settings: configuration.fleet,
            stack: Declaration.Stack(
                postgres: images.postgres, redis: images.redis, memoryPlugin: images.memoryPlugin,
                tenant: images.tenant, cloudflared: images.cloudflared))
        launch.rootDevice = "/dev/sda1"
        func device(_ launch: Launch) -> String? {
            launch.request(orgID: UUID(), slug: "acme", token: UUID(), userData: []).parameters
                .first { $0.0 == "BlockDeviceMapping.1.DeviceName" }?.1
        }
        #expect(device(launch) == "/dev/sda1")
        let text = String(decoding: try JSONEncoder().encode(launch), as: UTF8.self)
        let earlier = text.replacing(#""rootDevice":"\/dev\/sda1","#, with: "")
            .replacing(#","rootDevice":"\/dev\/sda1""#, with: "")
        #expect(earlier != text)
        let decoded = try JSONDecoder().decode(Launch.self, from: Data(earlier.utf8))
        #expect(device(decoded) == "/dev/xvda")
    }

    /// Between RunInstances and its repetition the service is deployed with another boot script and another
    /// address: the repetition is the same call, and is answered with the instance of the first.
    @Test func aRepeatedLaunchSendsTheBytesOfTheFirst() async throws {
        try await TestCloud.run { cloud in
            let lost = #"{"service":"ec2","operation":"RunInstances","fault":"lost_reply","count":500}"#
            try await cloud.operate("PUT", "faults", #"{"rules":[\#(lost)]}"#)
            try await cloud.signUp("acme")
            try await eventually("the first call") { try await cloud.living().instances == 1 }
            try await withTemporaryFolder { folder in
                let script = try String(contentsOfFile: "\(packageRoot)/userdata/boot.sh", encoding: .utf8)
                try (script + "# the next version\n").write(
                    toFile: folder + "/boot.sh", atomically: true, encoding: .utf8)
                let deployed = try Platform(
                    Configuration(
                        environment: cloud.environment.merging([
                            "USERDATA_PATH": folder, "CP_PUBLIC_URL": "http://127.0.0.1:1",
                        ]) { $1 }), logger: cloud.service.platform.logger)
                defer { deployed.http.shutdown() }
                try await cloud.operate("PUT", "faults", #"{"rules":[]}"#)
                let org = try #require(
                    try await OrgStore(database: deployed.database).find(slug: Slug("acme")))
                let tenant = try await TenantStore(database: deployed.database).require(org: org.id)
                let launch = try #require(tenant.launch)
                let launches = Launches(fleet: deployed.fleet)
                let repeated = try await launches.runInstance(launch, of: tenant, slug: "acme")
                let instances = try await cloud.state()["instances"]?.array
                #expect(instances?.count == 1)
                #expect(instances?.first?.object?["id"]?.string == repeated.id)
                // Decided by an earlier version, nothing is recorded: then it is rendered, and EC2 notices.
                try await deployed.database.execute("DELETE FROM launch_user_data")
                let error = await #expect(throws: ProviderError.self) {
                    try await launches.runInstance(launch, of: tenant, slug: "acme")
                }
                #expect(error?.code == "IdempotentParameterMismatch")
            }
        }
    }

    struct Missing: Sendable, CustomTestStringConvertible {
        var variable: String
        var value: String
        /// Of the provider's own words.
        var words: String

        var testDescription: String { variable }
    }

    @Test(arguments: [
        Missing(
            variable: "EC2_AMI_ID", value: "ami-00000000000000000",
            words: "InvalidAMIID.NotFound: The image id '[ami-00000000000000000]' does not exist"),
        Missing(
            variable: "EC2_SUBNET_ID", value: "subnet-00000000000000000",
            words: "InvalidSubnetID.NotFound: The subnet ID 'subnet-00000000000000000' does not exist"),
        Missing(
            variable: "EC2_SECURITY_GROUP_ID", value: "sg-00000000000000000",
            words: "InvalidGroup.NotFound: The security group 'sg-00000000000000000' does not exist"),
        Missing(
            variable: "KMS_KEY_ARN", value: "arn:aws:kms:us-west-2:1:key/2",
            words: "NotFoundException: Key 'arn:aws:kms:us-west-2:1:key/2' does not exist"),
        Missing(
            variable: "CLOUDFLARE_ZONE_ID", value: "00000000000000000000000000000000",
            words: "7003: Could not route to /zones/00000000000000000000000000000000"),
    ])
    func whatNobodyCreatedIsMissedAtOnceInTheProvidersWords(_ missing: Missing) async throws {
        try await TestCloud.run([missing.variable: missing.value]) { cloud in
            try await cloud.signUp("acme")
            let status = try await cloud.await("acme", "failed")
            let attempts = try await cloud.service.platform.database.query(
                """
                SELECT s.attempts FROM workflow_steps s JOIN workflows w ON w.id = s.workflow_id
                WHERE w.kind = \(ProvisionTenant.kind) AND s.attempts > 1
                """)
            #expect(attempts.isEmpty, "something was attempted again")
            let error = try #require(status["error"]?.object)
            #expect(error["code"] == .string("provider_refused"))
            #expect(error["message"]?.string?.contains(missing.words) == true, "\(error)")
        }
    }

    /// Of what the platform has created, an unknown one is one that is not shown yet.
    @Test(arguments: [
        ("ec2", 400, "InvalidInstanceID.NotFound", true), ("ec2", 400, "InvalidVolume.NotFound", true),
        ("ec2", 400, "InvalidSnapshot.NotFound", true), ("ssm", 400, "InvalidInstanceId", true),
        ("cloudflare", 404, "1003", true), ("cloudflare", 404, "81044", true),
        ("cloudflare", 404, "7000", false), ("cloudflare", 404, "7003", false),
        ("ec2", 400, "InvalidAMIID.NotFound", false), ("ec2", 400, "InvalidKeyPair.NotFound", false),
        ("ec2", 400, "InvalidParameterValue", false), ("ec2", 404, "unknown", false),
        ("kms", 400, "NotFoundException", false), ("ecr", 400, "RepositoryNotFoundException", false),
    ])
    func onlyWhatWasCreatedMayAppear(service: String, status: Int, code: String, mayAppear: Bool) {
        let error = ProviderError(
            service: service, operation: "o", status: status, code: code, message: "m",
            mayHaveTakenEffect: false)
        #expect(error.mayAppear == mayAppear)
        #expect(!error.isRetryable)
    }
}
