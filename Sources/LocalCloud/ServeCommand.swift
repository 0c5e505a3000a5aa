import ArgumentParser
import Logging

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves until SIGTERM, then ends its instances and undoes its rules.",
        discussion: """
            Environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (optional) and \
            CLOUDFLARE_API_TOKEN are the credentials that callers must present. AWS_REGION, \
            CLOUDFLARE_ACCOUNT_ID, CLOUDFLARE_ZONE_ID and TENANT_DOMAIN name what is served; instead of \
            those three, CLOUDFLARE_PLACES lists several places as JSON: account_id, zone_id, domain and, \
            when they differ from the options, maximum_tunnels and maximum_records. ECR_PASSWORD is what \
            GetAuthorizationToken gives out for the user AWS, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET the one \
            client of the OpenID Connect provider, STRIPE_SECRET_KEY the key of Stripe's that \
            --stripe-permissions restricts, STRIPE_ACCOUNT_KEY the one that may everything; random when they \
            are unset. STRIPE_WEBHOOK_SECRETS are those that events to --stripe-webhook are signed with. \
            DOCKER_HOST names the daemon. LOG_LEVEL is info unless set.
            """)

    @Option(help: "Marks this cloud's containers and packet rules.") var name = "localcloud"
    @Option(help: "docker or simulated.") var driver = "docker"
    @Option(help: "Folder of ca.pem, ca-key.pem, identity-cert.pem and identity-key.pem; made when missing.")
    var folder = ".local"
    @Option(help: "Ports are this plus a fixed offset; 0 lets the kernel choose each.") var portBase = 18000
    @Option(help: "Overrides the AWS port.") var awsPort: Int?
    @Option(help: "Overrides the Cloudflare port.") var cloudflarePort: Int?
    @Option(help: "Overrides the edge's port.") var edgePort: Int?
    @Option(help: "Overrides the platform front's port.") var frontPort: Int?
    @Option(help: "Overrides the port where tunnel connectors dial in.") var tunnelPort: Int?
    @Option(help: "Overrides the instance metadata port.") var metadataPort: Int?
    @Option(help: "Overrides the artifacts' port.") var artifactsPort: Int?
    @Option(help: "Overrides the OpenID Connect provider's port.") var oidcPort: Int?
    @Option(help: "Overrides the port of Stripe's API and pages.") var stripePort: Int?
    @Option(help: "The instances' network. Simulated: 127.77.0.0/16, so that a test can call as an instance.")
    var subnet: String?
    @Option(help: "The instances' bridge and Docker network.") var bridge = "vpc0"
    @Option(help: "Overrides the address for instances: their subnet's first host, or 127.0.0.1 simulated.")
    var bridgeAddress: String?
    @Option(help: "host:port of the control plane, to which the platform front forwards.")
    var controlPlane: String?
    @Option(help: "Folder served to instances.") var artifacts: String?
    @Option(help: "Where to write ports and ids as JSON once everything listens.") var readyFile: String?
    @Option(
        help: """
            AMI_ID=DOCKER_IMAGE[,ROOT_DEVICE], with /dev/xvda unless given; may be repeated. Simulated \
            without any: ami-0123456789abcdef0 with /dev/xvda, ami-0123456789abcdef1 with /dev/sda1.
            """)
    var image: [String] = []
    @Option(help: "IAM policy document whose actions callers are held to; everything when unset.")
    var policy: String?
    @Option(help: "What Stripe's restricted key may do, as JSON; everything when unset.")
    var stripePermissions: String?
    @Option(help: "Where Stripe's events go: a URL, or a path at the platform front.")
    var stripeWebhook: String?
    @Option(help: "Milliseconds for which new things stay invisible to reads.") var consistencyDelay = 0
    @Flag(help: "EC2's request limits.") var throttle = false
    @Flag(help: "Cloudflare's 1,200 requests in 5 minutes.") var cloudflareThrottle = false
    @Option(help: "Tunnels an account may have.") var maximumTunnels = 1000
    @Option(help: "DNS records a zone may have.") var maximumRecords = 200
    @Option(help: "The registry that ECR's tokens are for; that of AWS when unset.") var registry: String?
    @Option(help: "Seconds for which ECR's tokens are valid.") var registryTokenSeconds = 43_200
    @Option(help: "Simulated: milliseconds that a boot stage takes.") var stageMilliseconds = 20

    func run() async throws {
        try await LocalCloud(try settings()).run()
    }

    private func settings() throws -> Settings {
        guard let kind = Settings.DriverKind(rawValue: driver) else {
            throw ValidationError("--driver is docker or simulated")
        }
        let simulated = kind == .simulated
        guard simulated || ports.metadata != 0 else {
            throw ValidationError("the docker driver needs a fixed metadata port: a rule sends packets to it")
        }
        guard let network = Subnet(subnet ?? (simulated ? "127.77.0.0/16" : "10.77.0.0/24")) else {
            throw ValidationError("--subnet is an IPv4 network such as 10.77.0.0/24")
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var simulation = Simulation()
        simulation.stageMilliseconds = stageMilliseconds
        let environment = try Credentials()
        return Settings(
            name: name, driver: kind, ports: ports,
            bridgeAddress: bridgeAddress ?? (simulated ? "127.0.0.1" : network.firstHost), bridge: bridge,
            subnet: network, aws: environment.aws, region: environment.region,
            registry: .init(
                url: registry, password: environment.registryPassword, tokenSeconds: registryTokenSeconds),
            cloudflare: .init(
                apiToken: environment.cloudflareToken, places: environment.places,
                throttling: cloudflareThrottle, maximumTunnels: maximumTunnels, maximumRecords: maximumRecords
            ),
            oidc: environment.oidc, stripe: try stripe(environment), controlPlane: try endpoint(),
            folder: folder, artifacts: artifacts, readyFile: readyFile, images: try images(simulated),
            policy: try policy.map(Policy.init(file:)),
            consistencyDelay: .milliseconds(consistencyDelay), throttling: throttle,
            simulation: simulation, logger: Self.logger())
    }

    private var ports: Settings.Ports {
        func port(_ given: Int?, _ offset: Int) -> Int { given ?? (portBase == 0 ? 0 : portBase + offset) }
        return Settings.Ports(
            aws: port(awsPort, 566), cloudflare: port(cloudflarePort, 567), edge: port(edgePort, 443),
            front: port(frontPort, 444), tunnel: port(tunnelPort, 844), metadata: port(metadataPort, 169),
            artifacts: port(artifactsPort, 170), oidc: port(oidcPort, 190), stripe: port(stripePort, 568))
    }

    private func stripe(_ environment: Credentials) throws -> Settings.StripeSettings {
        let keys = StripeKeys(
            accountKey: environment.stripeAccountKey, restrictedKey: environment.stripeSecretKey,
            permissions: try stripePermissions.map(StripePermissions.init(file:)))
        guard let stripeWebhook else { return .init(keys: keys) }
        guard !environment.stripeWebhookSecrets.isEmpty else {
            throw ValidationError("--stripe-webhook needs STRIPE_WEBHOOK_SECRETS")
        }
        guard !stripeWebhook.hasPrefix("/") || controlPlane != nil else {
            throw ValidationError("--stripe-webhook is a URL where there is no --control-plane")
        }
        return .init(keys: keys, webhook: (stripeWebhook, environment.stripeWebhookSecrets))
    }

    private func endpoint() throws -> Settings.Endpoint? {
        guard let controlPlane else { return nil }
        let parts = controlPlane.split(separator: ":")
        guard parts.count == 2, let port = Int(parts[1]) else {
            throw ValidationError("--control-plane is host:port")
        }
        return Settings.Endpoint(host: String(parts[0]), port: port)
    }

    private func images(_ simulated: Bool) throws -> [String: MachineImage] {
        if simulated, image.isEmpty { return MachineImage.simulated }
        var images: [String: MachineImage] = [:]
        for text in image {
            guard let (id, image) = MachineImage.parse(text) else {
                throw ValidationError("--image is AMI_ID=DOCKER_IMAGE[,ROOT_DEVICE]")
            }
            images[id] = image
        }
        return images
    }

    private static func logger() -> Logger {
        var logger = Logger(label: "localcloud") { StreamLogHandler.standardError(label: $0) }
        let level = ProcessInfo.processInfo.environment["LOG_LEVEL"]
        logger.logLevel = level.flatMap { Logger.Level(rawValue: $0) } ?? .info
        return logger
    }
}

/// What comes from the environment; everything that is missing is named at once.
private struct Credentials {
    let aws: Settings.AWSCredentials
    let region: String
    let cloudflareToken: String
    let registryPassword: String
    let oidc: Settings.OIDCSettings
    let stripeAccountKey: String
    let stripeSecretKey: String
    /// Newest first.
    let stripeWebhookSecrets: [String]
    let places: [Settings.CloudflarePlace]

    init() throws {
        let environment = ProcessInfo.processInfo.environment
        let required = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "CLOUDFLARE_API_TOKEN"]
        let missing = required.filter { environment[$0]?.isEmpty != false }
        guard missing.isEmpty else {
            throw ValidationError("these must be set: " + missing.joined(separator: ", "))
        }
        aws = Settings.AWSCredentials(
            accessKeyID: environment["AWS_ACCESS_KEY_ID"] ?? "",
            secretAccessKey: environment["AWS_SECRET_ACCESS_KEY"] ?? "",
            sessionToken: environment["AWS_SESSION_TOKEN"].flatMap { $0.isEmpty ? nil : $0 })
        region = environment["AWS_REGION"] ?? "us-east-1"
        cloudflareToken = environment["CLOUDFLARE_API_TOKEN"] ?? ""
        let password = environment["ECR_PASSWORD"] ?? ""
        registryPassword = password.isEmpty ? ResourceID.hexadecimal(64) : password
        func given(_ name: String, prefix: String = "") -> String {
            environment[name].flatMap { $0.isEmpty ? nil : $0 } ?? prefix + ResourceID.hexadecimal(32)
        }
        oidc = Settings.OIDCSettings(
            clientID: given("OIDC_CLIENT_ID"), clientSecret: given("OIDC_CLIENT_SECRET"))
        stripeAccountKey = given("STRIPE_ACCOUNT_KEY", prefix: "sk_test_")
        stripeSecretKey = given("STRIPE_SECRET_KEY", prefix: "rk_test_")
        stripeWebhookSecrets = (environment["STRIPE_WEBHOOK_SECRETS"] ?? "").split(separator: ",").map(
            String.init)
        places = try Self.places(environment)
    }

    private static func places(_ environment: [String: String]) throws -> [Settings.CloudflarePlace] {
        guard let text = environment["CLOUDFLARE_PLACES"], !text.isEmpty else {
            return [
                Settings.CloudflarePlace(
                    accountID: environment["CLOUDFLARE_ACCOUNT_ID"] ?? "0123456789abcdef0123456789abcdef",
                    zoneID: environment["CLOUDFLARE_ZONE_ID"] ?? "fedcba9876543210fedcba9876543210",
                    domain: environment["TENANT_DOMAIN"] ?? "localhost")
            ]
        }
        let places = try? JSONDecoder().decode([Settings.CloudflarePlace].self, from: Data(text.utf8))
        guard let places, !places.isEmpty else {
            throw ValidationError("CLOUDFLARE_PLACES is a JSON list of account_id, zone_id, domain")
        }
        return places
    }
}
