import CurlHTTP
import Logging

/// Instances without containers: each is a task that behaves like the boot script and the agent.
actor SimulatedDriver: InstanceDriver {
    private let identity: IdentityAuthority
    private let logger: Logger
    private var simulation: Simulation
    private var agents: [String: SimulatedAgent] = [:]
    private var boots: [String: Task<Void, Never>] = [:]
    private var clients: [String: HTTPClient] = [:]
    /// Where the content of each snapshot began.
    private var disks: [String: String] = [:]

    init(identity: IdentityAuthority, simulation: Simulation, logger: Logger) {
        self.identity = identity
        self.simulation = simulation
        self.logger = logger
    }

    func change(_ simulation: Simulation) async {
        self.simulation = simulation
        for agent in agents.values { await agent.change(simulation) }
    }

    func removeLeftovers() async throws {}

    func launch(_ instance: Instance, agentRegistered: @escaping @Sendable () async -> Void) async throws {
        let boot = RenderedScript(String(decoding: instance.userData, as: UTF8.self))
        let platform = boot?.declaration.platform
        let agent = SimulatedAgent(
            instance: instance, disk: instance.snapshotID.flatMap { disks[$0] } ?? instance.id, script: boot,
            pkcs7: try identity.pkcs7(instance), simulation: simulation,
            client: client(authority: platform?.certificateAuthority), logger: logger)
        agents[instance.id] = agent
        boots[instance.id] = Task {
            await agentRegistered()
            await agent.boot()
        }
    }

    /// One client, and so one thread, for each certificate authority.
    private func client(authority: String?) -> HTTPClient {
        if let client = clients[authority ?? ""] { return client }
        var configuration = HTTPClient.Configuration.environment
        configuration.extraCA = authority
        configuration.userAgent = "simulated-tenant-agent"
        let client = HTTPClient(configuration: configuration)
        clients[authority ?? ""] = client
        return client
    }

    private func endTask(_ id: String) async {
        boots[id]?.cancel()
        await boots[id]?.value
        boots[id] = nil
    }

    func terminate(_ instance: Instance) async throws {
        await endTask(instance.id)
        agents[instance.id] = nil
    }

    func stop(_ instance: Instance) async throws { await endTask(instance.id) }

    func start(_ instance: Instance) async throws {
        guard let agent = agents[instance.id] else { return }
        boots[instance.id] = Task { await agent.boot() }
    }

    func reboot(_ instance: Instance) async throws {
        await endTask(instance.id)
        try await start(instance)
    }

    func snapshot(_ instance: Instance, as id: String) async throws {
        guard let agent = agents[instance.id] else {
            throw DriverError(description: "\(instance.id) has no disk any more")
        }
        try await Task.sleep(for: .milliseconds(simulation.stageMilliseconds))
        disks[id] = agent.disk
    }

    func deleteSnapshot(_ id: String) { disks[id] = nil }

    /// Takes the instance's connector off its tunnel while everything else goes on.
    func disconnect(_ instance: Instance) async { await endTask(instance.id) }

    func replaceImage(on instance: Instance, with image: String) async {
        await agents[instance.id]?.replaceImage(image)
    }

    /// What runs on an instance, by service; empty for one that is gone.
    func images(on instance: String) async -> [String: String] {
        guard let agent = agents[instance] else { return [:] }
        let images = await agent.stack.images.map { ($0.key.rawValue, $0.value) }
        return Dictionary(uniqueKeysWithValues: images)
    }

    /// Of its organisation, as its tenant last heard it.
    func orgStatus(on instance: String) async -> String? {
        guard let configuration = await agents[instance]?.configuration else { return nil }
        return JSONValue(parsing: configuration)?["MOLECULE_ORG_STATUS"]?.string
    }

    func console(_ instance: Instance) async -> String { await agents[instance.id]?.console ?? "" }

    func run(_ script: ShellScript, on instance: Instance) async -> ScriptResult {
        guard let agent = agents[instance.id] else {
            return ScriptResult(ending: .undeliverable, exitCode: -1, output: "", error: "")
        }
        return await agent.run(script)
    }
}
