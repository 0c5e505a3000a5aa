import Arithmetic
import CurlHTTP
import Logging
import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A model of one instance from its boot script to its running stack.
actor SimulatedAgent {
    let instance: Instance
    let script: RenderedScript?
    /// The instance on which the disk's content began: another one's when it came from a snapshot.
    let disk: String
    private let pkcs7: String
    private let client: HTTPClient
    private let logger: Logger
    private(set) var simulation: Simulation
    private(set) var console = ""
    private var sequence = 0
    private(set) var grant: EnrolmentGrant?
    private var confirmed = false
    var stack: SimulatedStack
    /// The platform's configuration as the tenant was started with it.
    private(set) var configuration: [UInt8]?
    /// Of the redeploys that carried an id.
    var reports: [String: RedeployReport] = [:]
    var isRedeploying = false
    /// Of the redeploy under way, where it has one.
    var idUnderWay: String?

    init(
        instance: Instance, disk: String, script: RenderedScript?, pkcs7: String, simulation: Simulation,
        client: HTTPClient, logger: Logger
    ) {
        self.instance = instance
        self.disk = disk
        self.script = script
        self.pkcs7 = pkcs7
        self.simulation = simulation
        self.client = client
        self.logger = logger
        stack = SimulatedStack(script?.declaration.stack)
    }

    var slug: String { script?.declaration.orgSlug ?? "" }

    func change(_ simulation: Simulation) { self.simulation = simulation }

    /// A stage failed, and the boot with it.
    private struct Stopped: Error { let code: FailureCode }

    /// Boots, or boots again; then keeps the connector until it is cancelled.
    func boot() async {
        say("Linux version 6.1.0-cloud-amd64 (simulated)")
        guard let script, let platform = script.declaration.platform, !simulation.silent else { return }
        do {
            try await Task.sleep(for: .milliseconds(simulation.bootMilliseconds))
            if grant == nil { try await firstBoot(script, platform) }
            await keepConnector()
        } catch {
            say("boot ended: \(error is CancellationError ? "the instance stops" : "a stage failed")")
        }
    }

    private func firstBoot(_ script: RenderedScript, _ platform: Declaration.Platform) async throws {
        for stage in [BootStage.userdata, .docker, .agentFetch] { try await perform(stage) }
        try await perform(.enrolment) { try await self.enrol(platform) }
        for stage in [BootStage.images, .postgres, .redis, .memoryPlugin] { try await perform(stage) }
        try await perform(.tenant) {
            _ = await self.fetchConfiguration()
            try self.startTenant(script.declaration.stack.tenant)
        }
        try await perform(.tunnel)
        try await perform(.complete)
    }

    private func startTenant(_ image: String) throws {
        switch simulation.behaviour(of: image, slug: slug).fault {
        case .missing: throw Stopped(code: .imageNotFound)
        case .broken, .failed: throw Stopped(code: .unhealthy)
        case .schemaMismatch: throw Stopped(code: .schemaMismatch)
        case nil, .noReport: stack.run(image, as: .tenant)
        }
    }

    private func perform(_ stage: BootStage, _ work: () async throws -> Void = {}) async throws {
        try await report(stage, .started)
        let started = ContinuousClock.now
        try await Task.sleep(for: .milliseconds(simulation.stageMilliseconds))
        while simulation.stuckStage == stage.rawValue { try await Task.sleep(for: .milliseconds(50)) }
        do {
            if simulation.failingStage == stage.rawValue {
                throw Stopped(code: FailureCode(rawValue: simulation.failureCode) ?? .unhealthy)
            }
            try await work()
        } catch let stopped as Stopped {
            try await report(stage, .failed, since: started, code: stopped.code)
            throw stopped
        }
        try await report(stage, .succeeded, since: started)
    }

    // MARK: The platform

    private func report(
        _ stage: BootStage, _ outcome: StageOutcome, since: ContinuousClock.Instant? = nil,
        code: FailureCode? = nil
    ) async throws {
        sequence += 1
        let milliseconds = since.map { Int(saturating: $0.duration(to: .now) / .milliseconds(1)) }
        let event = BootEvent(
            sequence: sequence, stage: stage, outcome: outcome, durationMilliseconds: milliseconds, code: code
        )
        say("stage \(stage.rawValue): \(outcome.rawValue)")
        _ = try await post("/cp/tenants/boot-event", JSONValue.encode(event)) { (200..<300).contains($0) }
    }

    private func enrol(_ platform: Declaration.Platform) async throws {
        let request = EnrolmentRequest(identityPKCS7: pkcs7, agentVersion: "simulated")
        let answer = try await post("/cp/tenants/enroll", JSONValue.encode(request)) { $0 == 200 }
        guard answer.status == 200,
            let grant = try? JSONDecoder().decode(EnrolmentGrant.self, from: Data(answer.body))
        else { throw Stopped(code: .enrolmentRefused) }
        self.grant = grant
        confirmed = true
        _ = try await post("/cp/tenants/enroll/confirm", []) { $0 == 204 }
    }

    /// Asks the platform once; a platform that no longer knows the token gets the identity document and the
    /// keys again first.
    /// - Returns: nil when it did not answer with one.
    func fetchConfiguration() async -> [UInt8]? {
        guard let grant else { return nil }
        var answer = try? await client.send(request("GET", "/cp/tenants/config"))
        if answer?.status == 401 {
            let body = ReEnrolmentRequest(identityPKCS7: pkcs7, agentVersion: "simulated", secrets: grant)
            _ = try? await client.send(request("POST", "/cp/tenants/re-enroll", JSONValue.encode(body)))
            answer = try? await client.send(request("GET", "/cp/tenants/config"))
        }
        guard let answer, answer.status == 200 else { return nil }
        configuration = answer.body
        return answer.body
    }

    /// Takes the admin token that is to follow, where there is one.
    /// - Returns: whether there was
    func fetchNextToken() async -> Bool {
        let answer = try? await client.send(request("GET", "/cp/tenants/credentials"))
        guard let answer, answer.status == 200,
            let next = try? JSONDecoder().decode(NextCredentials.self, from: Data(answer.body))
        else { return false }
        grant?.adminToken = next.adminToken
        return true
    }

    func goBack(to grant: EnrolmentGrant?) { self.grant = grant }

    func confirmToken() async {
        _ = try? await client.send(request("POST", "/cp/tenants/credentials/confirm"))
    }

    private func request(_ method: String, _ path: String, _ body: [UInt8] = []) -> HTTPRequest {
        let token = confirmed ? grant?.adminToken ?? "" : script?.bootToken ?? ""
        return HTTPRequest(
            method, (script?.declaration.platform?.controlPlaneURL ?? "") + path,
            headers: [
                HTTPField("Authorization", "Bearer \(token)"),
                HTTPField("X-Molecule-Org-Id", script?.declaration.orgID ?? ""),
                HTTPField("Content-Type", "application/json"),
            ], body: body)
    }

    /// Sends until the platform takes it; 408, 429, 5xx and lost connections are tried again, others end it.
    private func post(
        _ path: String, _ body: [UInt8], _ isTaken: (Int) -> Bool
    ) async throws -> HTTPResponse {
        var pause = Duration.milliseconds(50)
        while true {
            try Task.checkCancellation()
            do {
                let response = try await client.send(request("POST", path, body))
                if isTaken(response.status) { return response }
                say("\(path) answered \(response.status)")
                if response.status < 500, ![408, 429].contains(response.status) { return response }
            } catch HTTPError.cancelled {
                throw CancellationError()
            } catch {
                say("\(path) failed")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(2))
        }
    }

    private func keepConnector() async {
        guard !simulation.withoutConnector, let grant else { return }
        await SimulatedConnector.run(token: grant.tunnelToken) { [weak self] head, body in
            await self?.respond(head, body) ?? ""
        }
    }

    private func say(_ line: String) {
        console += "[simulated \(instance.id)] \(line)\n"
        if console.utf8.count > 1 << 16 { console = String(console.suffix(1 << 15)) }
    }

    // MARK: Commands

    /// Somebody replaced the tenant's image without telling the platform.
    func replaceImage(_ image: String) { stack.run(image, as: .tenant) }

    func run(_ script: ShellScript) async -> ScriptResult {
        guard let command = SimulatedCommand(script.text) else { return await SimulatedShell.run(script) }
        switch command {
        case .redeploy(let redeploy): return await self.redeploy(redeploy, within: script.timeout)
        case .refreshReported(let id): return await refresh(id: id, within: script.timeout)
        case .refresh:
            let isCurrent = await fetchConfiguration() != nil
            return ScriptResult(ending: .exited, exitCode: isCurrent ? 0 : 1, output: "", error: "")
        case .observe: return Self.printed(observation, exitCode: 0)
        case .mistake(let message):
            return ScriptResult(
                ending: .exited, exitCode: SimulatedCommand.usageStatus, output: "",
                error: "tenant-agent: \(message)\n")
        }
    }
}
