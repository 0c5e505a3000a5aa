import AdminProtocol
import FoundationEssentials
import Postgres
import Providers
import Workflows

/// The part of a teardown that ends the instance, also one that EC2 does not show yet.
extension TearDownTenant {
    /// So long after it was created, EC2 may say of an instance that it does not exist. Source: Amazon EC2
    /// Developer Guide, "Eventual consistency": up to five minutes.
    static let longestHidden: Duration = .seconds(300)

    /// What is known of a launch whose call was begun, and of which no answer was recorded.
    private enum Unanswered: Codable, Sendable, Equatable {
        case instance(id: String)
        /// It was launched, and is terminated.
        case gone
        /// EC2 refused to say.
        case unknown
    }

    /// RunInstances may have taken effect without an answer: the reply was lost, or the process died. Asked
    /// again under the same token it answers the same instance, shown or not. If the first call never
    /// arrived, this one launches the instance, which is then terminated: the price of certainty.
    /// Provisioning has ended here, so nobody else calls any more.
    func learnInstance(_ context: WorkflowContext) async throws {
        let mustAsk = try await context.step("look_for_unanswered_launch", retry: Self.persistent) { _ in
            try await isLaunchUnanswered()
        }
        guard mustAsk, let tenant = try await TenantStore(database: fleet.database).find(org: input.orgID),
            let launch = tenant.launch
        else { return }
        let log = CallLog()
        let found = try await context.step(
            "ask_for_instance", retry: Self.persistent,
            { _ in
                // A launch has had its slot: it does not queue again behind those that wait for their first.
                try await CurrentStep.$value.withValue(CurrentStep.value?.repeating) {
                    try await CallLog.$current.withValue(log) { (try await ask(launch, tenant), ()) }
                }
            },
            record: { (found: Unanswered, _: Void, transaction) in
                guard case .instance(let id) = found else { return }
                try await ResourceLedger(database: transaction).created(
                    .instance, intentID: tenant.launchID.text, providerID: id, log.last)
            })
        guard found == .unknown else { return }
        try await context.sleep("outwait_visibility", fleet.settings.deadlines.visibility)
    }

    private func isLaunchUnanswered() async throws -> Bool {
        guard try await intents(of: .instance).contains(where: { $0.providerID == nil }),
            let provisioning = try await fleet.engine.status(
                kind: ProvisionTenant.kind, subject: input.orgID.text)
        else { return false }
        // One that was only ever put away until its slot has no attempt.
        return provisioning.steps.contains { $0.name == ProvisionTenant.launchStep && $0.attempts > 0 }
    }

    private func ask(_ launch: Launch, _ tenant: Tenant) async throws -> Unanswered {
        do {
            return .instance(
                id: try await Launches(fleet: fleet).runInstance(launch, of: tenant, slug: input.slug).id)
        } catch let error as ProviderError where !error.isRetryable {
            // Refused for another reason, as a quota or changed parameters: the first call may have been
            // refused as well, or not.
            return error.code == "IdempotentInstanceTerminated" ? .gone : .unknown
        } catch let error as AppError where error.code == "userdata_unusable" {
            return .unknown
        }
    }

    func terminateInstances(_ context: WorkflowContext) async throws {
        try await context.wait(
            "instances_gone", deadline: Self.patience, poll: .seconds(1),
            until: {
                let (shown, hidden) = try await livingInstances()
                let running = shown.filter { $0.state != "shutting-down" }.map(\.id)
                if !running.isEmpty { try await fleet.ec2.terminateInstances(ids: running) }
                for id in hidden { try await terminateHidden(id) }
                return shown.isEmpty && hidden.isEmpty
            })
        try await recordDeleted(.instance, context)
        try await recordDeleted(.volume, context)
    }

    /// One by one: EC2 refuses a call of many for one that it does not know.
    private func terminateHidden(_ id: String) async throws {
        do {
            try await fleet.ec2.terminateInstances(ids: [id])
        } catch let error as ProviderError where error.isMissing {
            return
        }
    }

    /// By tag, and by the ids in the ledger, which a look by tag may not show: one that is terminated is
    /// shown for about an hour, so an id that is missing is asked for. That EC2 does not know it is believed
    /// only when it was created a while ago.
    func livingInstances() async throws -> (shown: [EC2Instance], hidden: [String]) {
        var shown = try await fleet.ec2.describeInstances(filters: [mine])
        var hidden: [String] = []
        for entry in try await intents(of: .instance) {
            guard let id = entry.providerID, !shown.contains(where: { $0.id == id }) else { continue }
            let found = try await describe(id)
            shown += found
            if found.isEmpty, .seconds(entry.unchangedSeconds) < Self.longestHidden { hidden.append(id) }
        }
        return (shown.filter { $0.state != "terminated" }, hidden)
    }

    private func describe(_ id: String) async throws -> [EC2Instance] {
        do {
            return try await fleet.ec2.describeInstances(ids: [id])
        } catch let error as ProviderError where error.isMissing {
            return []
        }
    }

    /// What carries the organisation's tag.
    var mine: EC2Filter { EC2Filter(name: "tag:\(ResourceTag.org)", values: [input.orgID.text]) }
}
