import CurlHTTP
import Logging
import ServiceLifecycle
import TunnelLink

/// Everything of one local cloud, put together.
struct LocalCloud: Sendable {
    let settings: Settings
    let fleet: Fleet
    private let authority: CertificateAuthority
    private let metadata: MetadataService
    private let aws: AWSEndpoint
    private let cloudflare: CloudflareAPI
    private let oidc: OIDCService
    private let stripe: StripeService
    private let calls: ProviderCalls
    private let places: CloudflarePlaces
    private let connectors: Connectors
    private let ready: Readiness

    init(_ settings: Settings) throws {
        self.settings = settings
        authority = try CertificateAuthority(folder: settings.folder)
        let identity = try IdentityAuthority(
            folder: settings.folder, accountID: settings.accountID, region: settings.region)
        let simulated =
            settings.driver == .docker
            ? nil
            : SimulatedDriver(identity: identity, simulation: settings.simulation, logger: settings.logger)
        let driver: any InstanceDriver = simulated ?? DockerDriver(settings: settings)
        fleet = Fleet(settings: settings, driver: driver)
        connectors = Connectors()
        places = CloudflarePlaces(settings.cloudflare, connectors: connectors)
        let commands = Commands(fleet: fleet)
        metadata = MetadataService(
            fleet: fleet, identity: identity, region: settings.region, accountID: settings.accountID)
        let throttle = Throttle(enabled: settings.throttling)
        let calls = ProviderCalls()
        let stripe = StripeService(settings.stripe, gate: CallGate(calls: calls))
        (self.calls, self.stripe) = (calls, stripe)
        aws = AWSEndpoint(
            settings: settings,
            ec2: EC2Service(fleet: fleet, throttle: throttle, accountID: settings.accountID),
            ssm: SSMService(fleet: fleet, commands: commands, accountID: settings.accountID),
            kms: KMSService(region: settings.region, accountID: settings.accountID),
            throttle: throttle, gate: CallGate(calls: calls),
            operators: OperatorRoutes(
                fleet: fleet, commands: commands, places: places, connectors: connectors,
                simulated: simulated, stripe: stripe, calls: calls))
        cloudflare = CloudflareAPI(
            settings: settings.cloudflare, places: places,
            limit: RateLimit(maximum: settings.cloudflare.throttling ? 1200 : nil),
            gate: CallGate(calls: calls))
        oidc = try OIDCService(settings.oidc)
        ready = Readiness(settings)
    }

    /// Serves until SIGTERM or SIGINT; then every instance is ended first, and the listeners after it.
    func run() async throws {
        try await fleet.driver.removeLeftovers()
        let firewall = settings.driver == .docker ? FirewallRules(settings) : nil
        try await firewall?.install()
        var services: [any Service] = try listeners()
        services.append(try webhookSender())
        services.append(Farewell(fleet: fleet))
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: settings.logger)
        configuration.maximumGracefulShutdownDuration = .seconds(60)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            await firewall?.remove()
            throw error
        }
        await firewall?.remove()
    }

    /// Knows the local certificate authority, as a receiver behind the platform front needs.
    private func webhookSender() throws -> WebhookSender {
        var configuration = HTTPClient.Configuration.environment
        configuration.extraCA = try String(contentsOfFile: settings.folder + "/ca.pem", encoding: .utf8)
        return WebhookSender(
            stripe: stripe, calls: calls, http: HTTPClient(configuration: configuration),
            logger: settings.logger)
    }

    private func listeners() throws -> [any Service] {
        let bridge = settings.bridgeAddress
        var list: [any Service] = [
            http("aws", settings.loopback, settings.ports.aws) { [aws] in await aws.answer($0) },
            http("cloudflare", settings.loopback, settings.ports.cloudflare) { [cloudflare] in
                await cloudflare.answer($0)
            },
            http("oidc", settings.loopback, settings.ports.oidc) { [oidc] in await oidc.answer($0) },
            stripeListener,
            http("metadata", bridge, settings.ports.metadata) { [metadata] in await metadata.answer($0) },
            http("artifacts", bridge, settings.ports.artifacts) { [settings] in
                ArtifactFolder(path: settings.artifacts).answer($0)
            },
        ]
        list.append(tunnelListener(bridge))
        list.append(IdlePings(admission: admission))
        let names = try TLSServer(authority, fallback: settings.loopback)
        let edge = TunnelUpstreams(places: places, connectors: connectors)
        list.append(
            stream("edge", settings.loopback, settings.ports.edge, names) { client in
                var session = ProxySession(client, edge)
                await session.run()
            })
        if let controlPlane = settings.controlPlane {
            let tls = try TLSServer(authority, fallback: bridge)
            list.append(
                StreamListener(
                    name: "front", host: bridge, port: settings.ports.front, tls: tls,
                    logger: settings.logger,
                    listening: { [stripe, ready] port in
                        Task {
                            await stripe.setFront("https://\(bridge):\(port)")
                            ready.listening("front", port)
                        }
                    },
                    handler: { client in
                        var session = ProxySession(client, FixedUpstream(endpoint: controlPlane))
                        await session.run()
                    }))
        } else {
            ready.absent("front")
        }
        return list
    }

    private var admission: ConnectorAdmission { ConnectorAdmission(places: places, connectors: connectors) }

    private func tunnelListener(_ bridge: String) -> StreamListener {
        let (places, ready, admission) = (places, ready, admission)
        return StreamListener(
            name: "tunnel", host: bridge, port: settings.ports.tunnel, tls: nil, logger: settings.logger,
            listening: { port in
                Task {
                    await places.setEdgeAddress("\(bridge):\(port)")
                    ready.listening("tunnel", port)
                }
            },
            handler: { await admission.admit($0) })
    }

    private var stripeListener: HTTPService {
        let (stripe, ready, host) = (stripe, ready, settings.loopback)
        return HTTPService(
            name: "stripe", host: host, port: settings.ports.stripe, logger: settings.logger,
            listening: { port in
                Task {
                    await stripe.setURL("http://\(host):\(port)")
                    ready.listening("stripe", port)
                }
            },
            handler: { await stripe.answer($0) })
    }

    private func http(
        _ name: String, _ host: String, _ port: Int, _ handler: @escaping HTTPService.Handler
    ) -> HTTPService {
        let ready = ready
        return HTTPService(
            name: name, host: host, port: port, logger: settings.logger,
            listening: { ready.listening(name, $0) }, handler: handler)
    }

    private func stream(
        _ name: String, _ host: String, _ port: Int, _ tls: TLSServer?,
        _ handler: @escaping @Sendable (ByteStream) async -> Void
    ) -> StreamListener {
        let ready = ready
        return StreamListener(
            name: name, host: host, port: port, tls: tls, logger: settings.logger,
            listening: { ready.listening(name, $0) }, handler: handler)
    }
}

/// Started last, so told first to stop: ends all instances while everything they talk to still answers.
private struct Farewell: Service {
    let fleet: Fleet

    func run() async throws {
        try? await gracefulShutdown()
        await fleet.terminateAll()
    }
}

private struct IdlePings: Service {
    let admission: ConnectorAdmission

    func run() async throws {
        await cancelWhenGracefulShutdown { await admission.keepAlive() }
    }
}
