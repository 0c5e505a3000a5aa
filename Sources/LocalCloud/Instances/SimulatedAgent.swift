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
    private var grant: EnrolmentGrant?
    private var confirmed = false
    /// Reference of the tenant image that runs; nil before its stage.
    private(set) var runningImage: String?
    private var isRedeploying = false

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
        runningImage = nil
    }

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
        try await perform(.tenant) { try self.startTenant(script.declaration.stack.tenant) }
        try await perform(.tunnel)
        try await perform(.complete)
    }

    private func startTenant(_ image: String) throws {
        if simulation.isMissing(image) { throw Stopped(code: .imageNotFound) }
        if simulation.isBroken(image) { throw Stopped(code: .unhealthy) }
        runningImage = image
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
        let milliseconds = since.map { Int($0.duration(to: .now) / .milliseconds(1)) }
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

    /// Sends until the platform takes it; 408, 429, 5xx and lost connections are tried again, others end it.
    private func post(
        _ path: String, _ body: [UInt8], _ isTaken: (Int) -> Bool
    ) async throws -> HTTPResponse {
        guard let script, let platform = script.declaration.platform else {
            throw Stopped(code: .invalidDeclaration)
        }
        var pause = Duration.milliseconds(50)
        while true {
            try Task.checkCancellation()
            let token = confirmed ? grant?.adminToken ?? "" : script.bootToken
            let request = HTTPRequest(
                "POST", platform.controlPlaneURL + path,
                headers: [
                    HTTPField("Authorization", "Bearer \(token)"),
                    HTTPField("X-Molecule-Org-Id", script.declaration.orgID),
                    HTTPField("Content-Type", "application/json"),
                ], body: body)
            do {
                let response = try await client.send(request)
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
        await SimulatedConnector.run(token: grant.tunnelToken) { [weak self] head in
            await self?.respond(head) ?? ""
        }
    }

    private func say(_ line: String) {
        console += "[simulated \(instance.id)] \(line)\n"
        if console.utf8.count > 1 << 16 { console = String(console.suffix(1 << 15)) }
    }

    // MARK: The stack

    /// The reference of the image that runs, and its digest when the reference has one.
    private var runningDigest: String? { runningImage.flatMap(Self.digest) }

    private static func digest(_ image: String) -> String? {
        image.firstRange(of: "@").map { String(image[$0.upperBound...]) }
    }

    /// The whole HTTP answer of the simulated molecule-tenant.
    private func respond(_ head: ProxiedHead) -> String {
        guard head.path == "/health" else { return ProxiedHead.answer(404, #"{"error":"not found"}"#) }
        guard runningImage != nil else { return ProxiedHead.answer(503, #"{"status":"starting"}"#) }
        let body: JSONValue = [
            "service": "molecule-tenant", "status": "ok", "instance": .string(instance.id),
            "image_digest": .string(runningDigest ?? ""), "disk": .string(disk),
        ]
        return ProxiedHead.answer(200, String(decoding: body.bytes, as: UTF8.self))
    }

    // MARK: Commands

    /// Somebody replaced the tenant's image without telling the platform.
    func replaceImage(_ image: String) { runningImage = image }

    func run(_ script: ShellScript) async -> ScriptResult {
        if let image = SimulatedShell.redeployedImage(script.text) { return await redeploy(image) }
        if SimulatedShell.isRefresh(script.text) { return await refresh() }
        return await SimulatedShell.run(script)
    }

    /// A platform that no longer knows the token gets the identity document and the keys again.
    private func refresh() async -> ScriptResult {
        guard let grant else { return ScriptResult(ending: .exited, exitCode: 1, output: "", error: "") }
        let request = ReEnrolmentRequest(identityPKCS7: pkcs7, agentVersion: "simulated", secrets: grant)
        let answer = try? await post("/cp/tenants/re-enroll", JSONValue.encode(request)) { $0 == 204 }
        let isKnown = answer?.status == 204 || answer?.status == 401
        return ScriptResult(ending: .exited, exitCode: isKnown ? 0 : 1, output: "", error: "")
    }

    private func redeploy(_ image: String) async -> ScriptResult {
        guard !isRedeploying else { return result(.refused, image, code: .busy, exit: 11) }
        isRedeploying = true
        defer { isRedeploying = false }
        try? await Task.sleep(for: .milliseconds(simulation.stageMilliseconds))
        let previous = runningDigest
        if simulation.isMissing(image) { return result(.refused, image, code: .imageNotFound, exit: 11) }
        if simulation.isBroken(image) { return result(.rolledBack, image, code: .unhealthy, exit: 10) }
        if runningImage == image { return result(.unchanged, image, code: nil, exit: 0) }
        runningImage = image
        return result(.updated, image, code: nil, exit: 0, previous: previous)
    }

    private func result(
        _ outcome: RedeployReport.Outcome, _ image: String, code: FailureCode?, exit: Int,
        previous: String? = nil
    ) -> ScriptResult {
        let report = RedeployReport(
            outcome: outcome, service: "tenant", previousDigest: previous ?? runningDigest,
            digest: runningDigest, healthy: runningImage != nil, code: code,
            durationMilliseconds: simulation.stageMilliseconds)
        let line = String(decoding: JSONValue.encode(report), as: UTF8.self)
        return ScriptResult(ending: .exited, exitCode: exit, output: line + "\n", error: "")
    }
}
