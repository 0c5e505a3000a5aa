import AdminProtocol
import Digests
import Fleet
import Foundation
import Service
import TenantProtocol

/// An instance from its launch to its termination: it boots from the user-data that it was given, reports
/// its stages, enrols and connects its tunnel, through the same doors as a real one.
struct SimulatedTenant: Sendable {
    /// What will become of the boot; drawn at the launch.
    struct Fate: Sendable {
        var boots = true
        var failingStage: BootStage?
        /// How long each stage takes.
        var stages: [BootStage: Duration] = [:]

        init(_ faults: FaultProfile, _ dice: Dice) {
            boots = !dice.chance(faults.neverBoots)
            failingStage = dice.chance(faults.failingStage) ? dice.pick(BootStage.allCases.dropLast()) : nil
            for stage in BootStage.allCases {
                let (shortest, longest) = Self.durations[stage] ?? (.milliseconds(100), .seconds(1))
                stages[stage] = dice.between(shortest, longest)
            }
        }

        private static let durations: [BootStage: (Duration, Duration)] = [
            .userdata: (.seconds(4), .seconds(12)), .docker: (.seconds(5), .seconds(20)),
            .agentFetch: (.seconds(1), .seconds(4)), .images: (.seconds(8), .seconds(40)),
            .postgres: (.seconds(1), .seconds(4)), .memoryPlugin: (.milliseconds(500), .seconds(2)),
            .tenant: (.seconds(1), .seconds(5)), .tunnel: (.seconds(1), .seconds(4)),
        ]
    }

    struct Gone: Error {}

    let instance: SimulatedEC2.Instance
    let fate: Fate
    let world: World

    func live() async {
        do {
            try await pass(.microseconds(instance.runningAt - instance.launchedAt))
            guard fate.boots else { return world.trace.note(instance.slug, "never boots") }
            try await boot()
        } catch {
            world.trace.note(instance.slug, "ends \(error)")
        }
    }

    private func boot() async throws {
        var reporter = BootReporter(tenant: self, token: try bootToken())
        var grant: EnrolmentGrant?
        for stage in BootStage.allCases {
            try await reporter.report(stage, .started)
            try await pass(fate.stages[stage] ?? .zero, usesDatabase: false)
            if stage == fate.failingStage {
                world.noteDoomed(instance.slug)
                return try await reporter.report(stage, .failed, code: .timeout)
            }
            if stage == .enrolment {
                let granted = try await enrol(reporter.token)
                reporter.token = TokenHash(of: granted.adminToken)
                grant = granted
            }
            if stage == .tunnel, let grant { world.edge.connect(instance.slug, token: grant.tunnelToken) }
            try await reporter.report(stage, .succeeded)
        }
        world.booted(instance)
    }

    /// The secrets, and the platform's word that the boot token opens nothing any more.
    private func enrol(_ token: TokenHash) async throws -> EnrolmentGrant {
        let credential = TenantCredential(orgID: try orgID(), token: token)
        let grant = try await asking { platform in
            let enrolment = Enrolment(fleet: platform.fleet)
            let tenant = try await enrolment.tenant(of: credential)
            return try await enrolment.grant(tenant, instance.id, agentVersion: "simulated")
        }
        world.noteCredential(instance.slug, TokenHash(of: grant.adminToken))
        _ = try await asking { platform in
            try await Enrolment(fleet: platform.fleet).confirm(org: credential.orgID)
        }
        return grant
    }

    /// Asks some replica until one answers. A refusal of the credential is the end.
    func asking<Answer: Sendable>(
        _ question: @Sendable (Platform) async throws -> Answer
    ) async throws -> Answer {
        while true {
            try await pass(world.dice.between(.milliseconds(5), .milliseconds(60)))
            if let platform = world.anyReplica() {
                do {
                    return try await question(platform)
                } catch let error as AppError where error.kind == .unauthorized || error.kind == .conflict {
                    throw error
                } catch {}
            }
            try await pass(.seconds(Enrolment.retrySeconds))
        }
    }

    /// - Throws: `Gone` once the instance is terminated.
    private func pass(_ time: Duration, usesDatabase: Bool = true) async throws {
        try await world.scheduler.sleep(time, usesDatabase: usesDatabase)
        guard world.ec2.instance(instance.id)?.isLiving == true else { throw Gone() }
    }

    func orgID() throws -> UUID {
        guard let id = UUID(uuidString: instance.orgID) else { throw Gone() }
        return id
    }

    /// As the boot script finds it in itself.
    private func bootToken() throws -> TokenHash {
        let script = Data(base64Encoded: instance.userData).map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let line = script.split(separator: "\n").first(where: { $0.hasPrefix("BOOT_TOKEN_BASE64='") }),
            let token = Data(base64Encoded: String(line.dropFirst(19).dropLast()))
        else { throw Gone() }
        return TokenHash(of: String(decoding: token, as: UTF8.self))
    }
}

/// Numbers the reports of one instance.
struct BootReporter {
    let tenant: SimulatedTenant
    var token: TokenHash
    private var sequence = 0

    init(tenant: SimulatedTenant, token: TokenHash) {
        self.tenant = tenant
        self.token = token
    }

    mutating func report(_ stage: BootStage, _ outcome: StageOutcome, code: FailureCode? = nil) async throws {
        sequence += 1
        let event = PresentedBootEvent(
            orgID: try tenant.orgID(), token: token,
            event: BootEvent(
                sequence: sequence, stage: stage, outcome: outcome,
                durationMilliseconds: outcome == .started ? nil : 1_000, code: code))
        let accepted = try await tenant.asking { try await $0.inbox.submit([event]) }
        tenant.world.trace.note(tenant.instance.slug, "\(stage.rawValue) \(outcome.rawValue) \(accepted)")
        guard accepted else { throw SimulatedTenant.Gone() }
    }
}
