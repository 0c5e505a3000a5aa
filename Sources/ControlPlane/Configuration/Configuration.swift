import FoundationEssentials

/// All that the service is told from outside. Read once at start, from the environment alone.
struct Configuration: Sendable {
    /// Names this platform among others that share its accounts: in tags, names and comments.
    var platformID: String
    var databaseURL: String
    var databaseConnections: Int
    var listenHost: String
    var listenPort: Int
    var adminTokenHash: TokenHash
    var workers: Int
    var lease: Duration
    var migrationsPath: String
    var aws: AWSSettings
    var cloudflare: CloudflareSettings
    var launch: LaunchSettings
    var registryAuth: RegistryAuth
    var deadlines: Deadlines
    var maintenanceWindow: MaintenanceWindow
    var secrets: SecretSettings
    var limits: ProviderLimits
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

    struct AWSSettings: Sendable {
        var region: String
        var accessKeyID: String
        var secretAccessKey: String
        var sessionToken: String?
        /// One endpoint for every service; nil: each service's own.
        var endpointURL: String?
        var endpoints: AWSEndpoints
    }

    struct CloudflareSettings: Sendable {
        var apiURL: String
        var apiToken: String
        /// At least one.
        var places: [CloudflarePlace]

        /// From 1; places with the same token have the same number.
        func tokenNumber(of place: CloudflarePlace) -> Int {
            var tokens = [apiToken]
            for token in places.map({ $0.apiToken ?? apiToken }) where !tokens.contains(token) {
                tokens.append(token)
            }
            return 1 + (tokens.firstIndex(of: place.apiToken ?? apiToken) ?? 0)
        }
    }

    /// What a new tenant's instance is made of.
    struct LaunchSettings: Sendable {
        var publicURL: String
        var certificateAuthority: String?
        var tenantDomain: String
        /// Where the platform itself asks a tenant for its health; `{slug}` and `{hostname}` are replaced.
        var edgeURL: String
        var imageID: String
        var instanceType: String
        /// At least one. New tenants spread over them.
        var subnetIDs: [String]
        var securityGroupID: String
        var instanceProfile: String?
        var volumeGigabytes: Int
        /// PEM of the certificate that signs instance identity documents in the region.
        var identityCertificate: String
        var registryURL: String
        var images: StackImages
        var agentURL: String
        var agentSHA256: String
        var bootScript: String
    }

    /// `repository:tag` of each image of the stack, within the registry.
    struct StackImages: Sendable {
        var postgres: String
        var redis: String
        var memoryPlugin: String
        var tenant: String
        var cloudflared: String
    }

    /// How long each waiting state of a tenant may last.
    struct Deadlines: Sendable {
        var enrolment: Duration
        var stage: Duration
        var healthy: Duration
        var redeploy: Duration
        /// For an unreachable instance to come back, before a redeploy of it gives up.
        var offline: Duration
        var poll: Duration
        /// How long a provider may hide what it has just created (eventual consistency).
        var visibility: Duration
        /// For an instance to run as another type, before it gets its former one back.
        var resize: Duration
    }

    struct ReconcilerSettings: Sendable {
        /// Between two runs; zero: only when a person asks.
        var interval: Duration
        /// What a run by the timer does.
        var mode: Reconciler.Mode
        /// From an orphan's quarantine to its deletion.
        var grace: Duration
        /// Of what it sees, a run deletes at most this share in percent, or `floor` things.
        var sharePercent: Int
        var floor: Int
    }

    /// At least one key is set. New secrets are sealed under KMS where its key is named.
    struct SecretSettings: Sendable {
        var kmsKeyARN: String?
        /// 32 bytes.
        var localKey: [UInt8]?
        /// Local keys before that one: for reading what they sealed.
        var previousLocalKeys: [[UInt8]] = []
        /// What every tenant receives as `MOLECULE_CP_SHARED_SECRET`.
        var provisionSharedSecret: String
    }

    /// - Throws: `ConfigurationError` naming everything that is missing or malformed.
    init(environment: [String: String]) throws {
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

extension Configuration.AWSSettings {
    init(_ reader: inout EnvironmentReader) {
        region = reader.string(.awsRegion)
        accessKeyID = reader.string(.awsAccessKeyID)
        secretAccessKey = reader.string(.awsSecretAccessKey)
        sessionToken = reader.optional(.awsSessionToken)
        endpointURL = reader.optionalURL(.awsEndpointURL)
        endpoints = AWSEndpoints(&reader)
    }
}

extension Configuration.CloudflareSettings {
    init(_ reader: inout EnvironmentReader) {
        apiURL = reader.url(.cloudflareAPIURL)
        apiToken = reader.string(.cloudflareAPIToken)
        places = reader.cloudflarePlaces()
    }
}

extension Configuration.LaunchSettings {
    init(_ reader: inout EnvironmentReader) {
        publicURL = reader.url(.publicURL)
        certificateAuthority = reader.authority()
        tenantDomain = reader.string(.tenantDomain)
        edgeURL = reader.edgeURL()
        imageID = reader.string(.ec2ImageID)
        instanceType = reader.string(.ec2InstanceType)
        subnetIDs = reader.string(.ec2SubnetID).split(separator: ",").map(String.init)
        securityGroupID = reader.string(.ec2SecurityGroupID)
        instanceProfile = reader.optional(.ec2InstanceProfile)
        volumeGigabytes = reader.integer(.ec2VolumeGigabytes, in: 8...16_384)
        identityCertificate = reader.file(.ec2IdentityCertificate)
        registryURL = reader.url(.registryURL)
        images = .init(
            postgres: reader.string(.imagePostgres), redis: reader.string(.imageRedis),
            memoryPlugin: reader.string(.imageMemoryPlugin), tenant: reader.string(.imageTenant),
            cloudflared: reader.string(.imageCloudflared))
        agentURL = reader.url(.agentURL)
        agentSHA256 = reader.sha256(.agentSHA256)
        let folder = reader.string(.userdataPath)
        bootScript = (try? String(contentsOfFile: folder + "/boot.sh", encoding: .utf8)) ?? ""
        if bootScript.isEmpty { reader.note("USERDATA_PATH: \(folder)/boot.sh cannot be read.") }
    }
}

extension Configuration.Deadlines {
    init(_ reader: inout EnvironmentReader) {
        enrolment = reader.seconds(.deadlineEnrolment, in: 5...7_200)
        stage = reader.seconds(.deadlineStage, in: 5...7_200)
        healthy = reader.seconds(.deadlineHealthy, in: 5...7_200)
        redeploy = reader.seconds(.deadlineRedeploy, in: 5...3_600)
        offline = reader.seconds(.deadlineOffline, in: 0...86_400)
        poll = reader.seconds(.poll, in: 1...300)
        visibility = reader.seconds(.providerVisibility, in: 0...300)
        resize = reader.seconds(.deadlineResize, in: 5...7_200)
    }
}

extension Configuration.ReconcilerSettings {
    init(_ reader: inout EnvironmentReader) {
        interval = reader.seconds(.reconcileInterval, in: 0...86_400)
        mode =
            reader.parse(.reconcileMode, expected: "report or repair") { Reconciler.Mode(rawValue: $0) }
            ?? .report
        grace = reader.seconds(.reconcileGrace, in: 0...7_776_000)
        sharePercent = reader.integer(.reconcileShare, in: 0...100)
        floor = reader.integer(.reconcileFloor, in: 0...1_000)
    }
}

extension Configuration.SecretSettings {
    init(_ reader: inout EnvironmentReader) {
        provisionSharedSecret = reader.longSecret(.provisionSharedSecret)
        kmsKeyARN = reader.optional(.kmsKeyARN)
        // Both may be set: what was sealed under the local key stays readable after the move to KMS.
        guard kmsKeyARN == nil || reader.optional(.secretsEncryptionKey) != nil else { return }
        localKey = reader.parse(.secretsEncryptionKey, expected: "32 bytes in base64", Self.key)
        guard reader.optional(.previousSecretsKeys) != nil else { return }
        previousLocalKeys =
            reader.parse(.previousSecretsKeys, expected: "a list of 32 bytes in base64 each") { text in
                let keys = text.split(separator: ",").map { Self.key(String($0)) }
                return keys.contains(nil) ? nil : keys.compactMap(\.self)
            } ?? []
    }

    private static func key(_ text: String) -> [UInt8]? {
        Data(base64Encoded: text).flatMap { $0.count == AESGCM.keyLength ? Array($0) : nil }
    }
}
