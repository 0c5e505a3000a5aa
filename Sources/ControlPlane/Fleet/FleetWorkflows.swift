import Postgres
import Workflows

/// The workflows of the fleet, and what their failures lead to.
extension FleetContext {
    package func registerWorkflows() {
        registerLaunches()
        registerRedeploys()
        registerRollouts()
    }

    private func registerLaunches() {
        engine.register(
            ProvisionTenant.kind, input: ProvisionTenant.Input.self,
            onFailure: { input, failure, transaction in
                try await Teardowns(fleet: self).endProvisioning(
                    input, failure, by: .workflow(ProvisionTenant.kind), transaction)
            },
            run: { context, input in try await ProvisionTenant(fleet: self, input: input).run(context) })
        engine.register(
            TearDownTenant.kind, input: TearDownTenant.Input.self,
            run: { context, input in try await TearDownTenant(fleet: self, input: input).run(context) })
        engine.register(
            ForgetTenant.kind, input: ForgetTenant.Input.self,
            run: { context, input in try await ForgetTenant(fleet: self, input: input).run(context) })
        engine.register(
            RepairTenant.kind, input: RepairTenant.Input.self,
            run: { context, input in try await RepairTenant(fleet: self, input: input).run(context) })
        engine.register(
            MendTenant.kind, input: MendTenant.Input.self,
            run: { context, input in try await MendTenant(fleet: self, input: input).run(context) })
        engine.register(
            ResizeTenant.kind, input: ResizeTenant.Input.self,
            onFailure: { input, failure, transaction in
                try await ResizeStore(database: transaction).abandon(
                    org: input.orgID, .failed,
                    ResizeTenant.Refusal(code: failure.code, message: failure.message))
            },
            run: { context, input in try await ResizeTenant(fleet: self, input: input).run(context) })
    }

    private func registerRedeploys() {
        engine.register(
            RedeployTenant.kind, input: RedeployTenant.Input.self,
            onFailure: { input, failure, transaction in
                try await RedeployStore(database: transaction).fail(
                    input.target.redeployID, code: failure.code, message: failure.message)
            },
            run: { context, input in try await RedeployTenant(fleet: self, input: input).run(context) })
        engine.register(
            PushSettings.kind, input: PushSettings.Input.self,
            run: { context, input in try await PushSettings(fleet: self, input: input).run(context) })
    }

    private func registerRollouts() {
        let rollouts = Rollouts(fleet: self)
        engine.register(
            RunRollout.kind, input: RunRollout.Input.self,
            onFailure: { input, failure, transaction in
                try await rollouts.endRollout(input, failure, transaction)
            },
            run: { context, input in try await RunRollout(fleet: self, input: input).run(context) })
        engine.register(
            RedeployBatch.kind, input: RedeployBatch.Input.self,
            onFailure: { input, failure, transaction in
                try await rollouts.endBatch(input, failure, transaction)
            },
            run: { context, input in try await RedeployBatch(fleet: self, input: input).run(context) })
        engine.register(
            ObserveBatch.kind, input: ObserveBatch.Input.self,
            onFailure: { input, failure, transaction in
                try await rollouts.endObservation(input, failure, transaction)
            },
            run: { context, input in try await ObserveBatch(fleet: self, input: input).run(context) })
    }
}
