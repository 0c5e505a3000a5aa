import FoundationEssentials
import Postgres
import Workflows

/// The workflows of the service, and what their failures lead to.
extension Platform {
    func registerWorkflows() {
        engine.register(
            ProvisionTenant.kind, input: ProvisionTenant.Input.self,
            onFailure: { input, failure, transaction in
                try await endProvisioning(
                    input, failure, by: .workflow(ProvisionTenant.kind), transaction)
            },
            run: { context, input in try await ProvisionTenant(platform: self, input: input).run(context) })
        engine.register(
            TearDownTenant.kind, input: TearDownTenant.Input.self,
            run: { context, input in try await TearDownTenant(platform: self, input: input).run(context) })
        engine.register(
            ForgetTenant.kind, input: ForgetTenant.Input.self,
            run: { context, input in try await ForgetTenant(platform: self, input: input).run(context) })
        engine.register(
            RepairTenant.kind, input: RepairTenant.Input.self,
            run: { context, input in try await RepairTenant(platform: self, input: input).run(context) })
        engine.register(
            MendTenant.kind, input: MendTenant.Input.self,
            run: { context, input in try await MendTenant(platform: self, input: input).run(context) })
        engine.register(
            RedeployTenant.kind, input: RedeployTenant.Input.self,
            onFailure: { input, failure, transaction in
                try await RedeployStore(database: transaction).fail(
                    input.target.redeployID, code: failure.code, message: failure.message)
            },
            run: { context, input in try await RedeployTenant(platform: self, input: input).run(context) })
        engine.register(
            SyncSubscription.kind, input: SyncSubscription.Input.self,
            onFailure: { input, failure, transaction in try await endSync(input, failure, transaction) },
            run: { context, input in try await SyncSubscription(platform: self, input: input).run(context) })
        registerRollouts()
        registerResizes()
        registerPush()
    }

    private func registerRollouts() {
        engine.register(
            RunRollout.kind, input: RunRollout.Input.self,
            onFailure: { input, failure, transaction in
                try await endRollout(input, failure, transaction)
            },
            run: { context, input in try await RunRollout(platform: self, input: input).run(context) })
        engine.register(
            RedeployBatch.kind, input: RedeployBatch.Input.self,
            onFailure: { input, failure, transaction in
                try await endBatch(input, failure, transaction)
            },
            run: { context, input in try await RedeployBatch(platform: self, input: input).run(context) })
        engine.register(
            ObserveBatch.kind, input: ObserveBatch.Input.self,
            onFailure: { input, failure, transaction in
                try await endObservation(input, failure, transaction)
            },
            run: { context, input in try await ObserveBatch(platform: self, input: input).run(context) })
    }

    /// A permanent failure takes the same way out as a delete, and leaves the reason where its user looks.
    func endProvisioning(
        _ input: ProvisionTenant.Input, _ failure: WorkflowFailure, by origin: RequestOrigin,
        _ transaction: Transaction
    ) async throws {
        let wasProvisioning = try await OrgStore(database: transaction).markFailed(
            id: input.orgID, code: failure.code, message: failure.message)
        guard wasProvisioning else { return }
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: "org.failed", org: input.orgID, subject: input.slug,
                before: ["status": "provisioning"],
                after: ["status": "failed", "code": .string(failure.code)]),
            by: origin)
        try await startTearDown(org: input.orgID, slug: input.slug, in: transaction)
    }

    /// Issued again, it joins the teardown that is under way, or starts one that ends what an earlier left.
    /// - Parameter isErasure: nothing is kept, whatever the plan says.
    func beginDelete(_ org: Org, isErasure: Bool = false, by origin: RequestOrigin) async throws {
        try await database.transaction { transaction in
            try await beginDelete(org, isErasure: isErasure, by: origin, in: transaction)
        }
    }

    func beginDelete(
        _ org: Org, isErasure: Bool = false, by origin: RequestOrigin, in transaction: Transaction
    ) async throws {
        try await OrgStore(database: transaction).markDeprovisioning(id: org.id)
        for kind in TearDownTenant.others {
            try await engine.cancel(kind: kind, subject: org.id.text, in: transaction)
        }
        try await ResizeStore(database: transaction).abandon(org: org.id, .cancelled)
        try await startTearDown(org: org.id, slug: org.slug, isErasure: isErasure, in: transaction)
        try await AuditLog(database: transaction).record(
            AuditEvent(
                action: isErasure ? "org.erasure_begun" : "org.delete_begun", org: org.id,
                subject: org.slug, before: ["status": .string(org.status.rawValue)],
                after: ["status": "deprovisioning"]),
            by: origin)
    }

    /// Starts the teardown, or leaves the one that is under way.
    func startTearDown(
        org: UUID, slug: String, isErasure: Bool = false, in transaction: Transaction
    ) async throws {
        guard try await !engine.isLive(kind: TearDownTenant.kind, subject: org.text, in: transaction) else {
            return
        }
        _ = try await engine.start(
            TearDownTenant.kind, subject: org.text,
            input: TearDownTenant.Input(orgID: org, slug: slug, isErasure: isErasure), in: transaction)
    }
}
