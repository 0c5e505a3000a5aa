import FoundationEssentials
import Postgres
import Workflows

/// Gives a tenant's instance another type: it is stopped, changed and started, when the maintenance window is
/// open and nothing else is under way. If it does not come up with the type, it gets its former one back.
///
/// An order changes the row of `resizes`, not the workflow: each round reads what is wanted now.
package struct ResizeTenant: Sendable {
    package static let kind = "resize_tenant"
    /// How often a change that a plan ordered is tried, in a window each; a person's order is tried once.
    package static let maximumTries = 3
    /// For a turn; a person is needed then.
    private static let patience: Duration = .seconds(30 * 86_400)
    /// Between two looks for a turn. An order, and a person's `retry`, are heard at once.
    private static let turnPoll: Duration = .seconds(30)
    package static let turnPrefix = "turn_"

    package struct Input: Codable, Sendable {
        package var orgID: UUID
        package var slug: String

        package init(orgID: UUID, slug: String) {
            self.orgID = orgID
            self.slug = slug
        }
    }

    /// Why the instance did not come up with the type.
    package struct Refusal: Codable, Sendable, Equatable {
        package var code: String
        package var message: String

        package init(code: String, message: String) {
            self.code = code
            self.message = message
        }
    }

    package let fleet: FleetContext
    package let input: Input

    package func run(_ context: WorkflowContext) async throws {
        let turn = ResizeTurn(fleet: fleet, input: input)
        for number in 1... {
            try await context.wait(
                "\(Self.turnPrefix)\(number)", deadline: Self.patience, poll: Self.turnPoll,
                until: { try await turn.hasCome() })
            switch try await turn.begin(number, context) {
            case .nothing(let wakes) where wakes == context.wakes:
                return context.endUnlessWoken(since: wakes)
            case .nothing, .notYet: continue
            case .change(let change):
                let refusal = try await carryOut(change, number, context)
                try await turn.conclude(change, refusal, number, context)
            }
        }
    }

    // MARK: The instance

    private func carryOut(
        _ change: ResizeTurn.Change, _ number: Int, _ context: WorkflowContext
    ) async throws -> Refusal? {
        let wasHealthy = try await context.step("health_\(number)") { _ in
            await fleet.isHealthyThroughEdge(slug: input.slug, change.launch)
        }
        let refusal: Refusal
        do {
            try await become(change.toType, change, "changed_\(number)", context)
            // What was ill before need not be well for the change to be good.
            if wasHealthy { try await awaitHealth("healthy_\(number)", change, context) }
            return nil
        } catch let failure as PermanentFailure {
            refusal = Refusal(code: failure.code, message: failure.message)
        } catch let timeout as WaitTimedOut {
            refusal = Refusal(
                code: "deadline_exceeded",
                message: "The deadline for \"\(timeout.name)\" has passed with \(change.toType).")
        }
        try await become(change.fromType, change, isWayBack: true, "kept_\(number)", context)
        do {
            if wasHealthy { try await awaitHealth("healthy_again_\(number)", change, context) }
        } catch is WaitTimedOut {
            fleet.logger.error(
                "a tenant is not healthy after its instance got its former type back",
                metadata: ["org": "\(input.slug)", "type": "\(change.fromType)"])
        }
        return refusal
    }

    private func become(
        _ type: String, _ change: ResizeTurn.Change, isWayBack: Bool = false, _ name: String,
        _ context: WorkflowContext
    ) async throws {
        let approach = InstanceApproach(
            fleet: fleet, context: context, launchID: change.launchID, instanceID: change.instanceID,
            type: type, isWayBack: isWayBack)
        // On the way back there is nothing left to fall back to: as long as the tenant is down, it is tried.
        let deadline = isWayBack ? TearDownTenant.patience : fleet.settings.deadlines.resize
        try await context.wait(
            name, deadline: deadline, poll: .seconds(1), until: { try await approach.look() })
    }

    private func awaitHealth(
        _ name: String, _ change: ResizeTurn.Change, _ context: WorkflowContext
    ) async throws {
        try await context.wait(
            name, deadline: fleet.settings.deadlines.healthy, poll: .seconds(1),
            until: { await fleet.isHealthyThroughEdge(slug: input.slug, change.launch) })
    }
}
