import Billing
import Digests
import Fleet
import FoundationEssentials
import Organisations
import Providers

/// All that the service is told from outside. Read once at start, from the environment alone.
package struct Configuration: Sendable {
    /// Names this platform among others that share its accounts: in tags, names and comments.
    var platformID: String
    package var databaseURL: String
    var databaseConnections: Int
    var listenHost: String
    var listenPort: Int
    var adminTokenHash: TokenHash
    package var workers: Int
    package var lease: Duration
    package var migrationsPath: String
    var aws: AWSSettings
    package var cloudflare: CloudflareSettings
    package var launch: LaunchSettings
    var registryAuth: RegistryAuth
    var deadlines: Deadlines
    var maintenanceWindow: MaintenanceWindow
    var secrets: SecretSettings
    package var limits: ProviderLimits
    /// vCPUs that the region's quota leaves to tenants.
    var maximumVCPUs: Int
    /// Days for which a deleted tenant's volume is kept, by plan; 0 where a plan is not named.
    var retentionDays: [String: Int]
    var reconciler: ReconcilerSettings
    var browser: BrowserSettings
    var credits: CreditSettings
    /// Origins whose pages may call the browsers' routes: scheme, host and port.
    var corsOrigins: Set<String>
    var terms: Terms
    var traffic: TrafficSettings
    var billing: BillingSettings
    /// Whole months for which single usage events are kept.
    var usageRetentionMonths: Int

    /// What of it concerns the fleet.
    package var fleet: FleetSettings {
        FleetSettings(
            platformID: platformID, region: aws.region, places: cloudflare.places, limits: limits,
            launch: launch, deadlines: deadlines, maintenanceWindow: maintenanceWindow,
            maximumVCPUs: maximumVCPUs, retentionDays: retentionDays, reconciler: reconciler, lease: lease,
            plans: billing.plans, sharedSecret: secrets.provisionSharedSecret)
    }

    /// - Throws: `ConfigurationError` naming everything that is missing or malformed.
    package init(environment: [String: String]) throws {
        var reader = EnvironmentReader(environment)
        platformID = reader.platformID()
        databaseURL = reader.url(.databaseURL, schemes: ["postgres", "postgresql"])
        databaseConnections = reader.integer(.databaseConnections, in: 2...500)
        (listenHost, listenPort) = reader.address(.listen)
        adminTokenHash = TokenHash(of: reader.longSecret(.adminToken))
        workers = reader.integer(.workers, in: 1...1_000)
        lease = reader.seconds(.lease, in: 2...300)
        migrationsPath = reader.string(.migrationsPath)
        aws = AWSSettings(&reader)
        cloudflare = CloudflareSettings(&reader)
        limits = reader.providerLimits()
        maximumVCPUs = reader.integer(.maximumVCPUs, in: 1...1_000_000)
        retentionDays = reader.retentionDays()
        launch = LaunchSettings(&reader)
        registryAuth = reader.registryAuth()
        deadlines = Deadlines(&reader)
        maintenanceWindow =
            reader.parse(.maintenanceWindow, expected: MaintenanceWindow.expected) {
                MaintenanceWindow($0)
            } ?? .always
        secrets = SecretSettings(&reader)
        reconciler = ReconcilerSettings(&reader)
        corsOrigins = reader.origins(.corsOrigins)
        credits = CreditSettings(&reader)
        browser = BrowserSettings(&reader, launch, domains: cloudflare.places.map(\.domain))
        terms = reader.terms()
        traffic = TrafficSettings(&reader)
        billing = BillingSettings(&reader)
        usageRetentionMonths = reader.integer(.usageRetention, in: 3...1_200)
        guard reader.problems.isEmpty else { throw ConfigurationError(problems: reader.problems) }
    }
}

extension AWSSettings {
    init(_ reader: inout EnvironmentReader) {
        self.init(
            region: reader.string(.awsRegion), accessKeyID: reader.string(.awsAccessKeyID),
            secretAccessKey: reader.string(.awsSecretAccessKey),
            sessionToken: reader.optional(.awsSessionToken), endpointURL: reader.optionalURL(.awsEndpointURL))
    }
}

extension CloudflareSettings {
    init(_ reader: inout EnvironmentReader) {
        self.init(
            apiURL: reader.url(.cloudflareAPIURL), apiToken: reader.string(.cloudflareAPIToken),
            places: reader.cloudflarePlaces())
    }
}

extension LaunchSettings {
    init(_ reader: inout EnvironmentReader) {
        self.init(
            publicURL: reader.url(.publicURL), certificateAuthority: reader.authority(),
            tenantDomain: reader.string(.tenantDomain), edgeURL: reader.edgeURL(),
            imageID: reader.string(.ec2ImageID), instanceType: reader.string(.ec2InstanceType),
            subnetIDs: reader.string(.ec2SubnetID).split(separator: ",").map(String.init),
            securityGroupID: reader.string(.ec2SecurityGroupID),
            instanceProfile: reader.optional(.ec2InstanceProfile),
            volumeGigabytes: reader.integer(.ec2VolumeGigabytes, in: 8...16_384),
            identityCertificate: reader.file(.ec2IdentityCertificate), registryURL: reader.url(.registryURL),
            images: StackImages(
                postgres: reader.string(.imagePostgres), redis: reader.string(.imageRedis),
                memoryPlugin: reader.string(.imageMemoryPlugin), tenant: reader.string(.imageTenant),
                cloudflared: reader.string(.imageCloudflared)),
            agentURL: reader.url(.agentURL), agentSHA256: reader.sha256(.agentSHA256),
            bootScript: reader.bootScript())
    }
}

extension EnvironmentReader {
    fileprivate mutating func bootScript() -> String {
        let folder = string(.userdataPath)
        let script = (try? String(contentsOfFile: folder + "/boot.sh", encoding: .utf8)) ?? ""
        if script.isEmpty { note("USERDATA_PATH: \(folder)/boot.sh cannot be read.") }
        return script
    }

    fileprivate mutating func localKey() -> [UInt8]? {
        parse(.secretsEncryptionKey, expected: "32 bytes in base64", Self.key)
    }

    fileprivate mutating func previousLocalKeys() -> [[UInt8]] {
        guard optional(.previousSecretsKeys) != nil else { return [] }
        return parse(.previousSecretsKeys, expected: "a list of 32 bytes in base64 each") { text in
            let keys = text.split(separator: ",").map { Self.key(String($0)) }
            return keys.contains(nil) ? nil : keys.compactMap(\.self)
        } ?? []
    }

    private static func key(_ text: String) -> [UInt8]? {
        Data(base64Encoded: text).flatMap { $0.count == AESGCM.keyLength ? Array($0) : nil }
    }
}

extension Deadlines {
    init(_ reader: inout EnvironmentReader) {
        self.init(
            enrolment: reader.seconds(.deadlineEnrolment, in: 5...7_200),
            stage: reader.seconds(.deadlineStage, in: 5...7_200),
            healthy: reader.seconds(.deadlineHealthy, in: 5...7_200),
            redeploy: reader.seconds(.deadlineRedeploy, in: 5...3_600),
            offline: reader.seconds(.deadlineOffline, in: 0...86_400),
            poll: reader.seconds(.poll, in: 1...300),
            visibility: reader.seconds(.providerVisibility, in: 0...300),
            resize: reader.seconds(.deadlineResize, in: 5...7_200))
    }
}

extension ReconcilerSettings {
    init(_ reader: inout EnvironmentReader) {
        self.init(
            interval: reader.seconds(.reconcileInterval, in: 0...86_400),
            mode: reader.parse(.reconcileMode, expected: "report or repair") {
                Reconciler.Mode(rawValue: $0)
            } ?? .report,
            grace: reader.seconds(.reconcileGrace, in: 0...7_776_000),
            sharePercent: reader.integer(.reconcileShare, in: 0...100),
            floor: reader.integer(.reconcileFloor, in: 0...1_000))
    }
}

extension SecretSettings {
    init(_ reader: inout EnvironmentReader) {
        let sharedSecret = reader.longSecret(.provisionSharedSecret)
        let kmsKeyARN = reader.optional(.kmsKeyARN)
        // Both may be set: what was sealed under the local key stays readable after the move to KMS.
        let hasLocalKey = kmsKeyARN == nil || reader.optional(.secretsEncryptionKey) != nil
        self.init(
            kmsKeyARN: kmsKeyARN, localKey: hasLocalKey ? reader.localKey() : nil,
            previousLocalKeys: hasLocalKey ? reader.previousLocalKeys() : [],
            provisionSharedSecret: sharedSecret)
    }
}
