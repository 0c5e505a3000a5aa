import AdminProtocol
import Fleet
import FoundationEssentials
import Hummingbird
import Organisations
import Workflows

/// `/cp/admin/tenants/:slug/why|retry|cancel|force|repair`
struct InterventionRoutes: Sendable {
    let platform: Platform

    private struct Done: Encodable {
        var slug: String
        var action: String
        /// What the action did, for a person.
        var message: String
        var workflowID: String?

        enum CodingKeys: String, CodingKey {
            case slug, action, message
            case workflowID = "workflow_id"
        }
    }

    private func org(_ context: AppContext) async throws -> Org {
        try await OrgStore(database: platform.database).require(slug: context.slug())
    }

    private func live(_ org: Org) async throws -> WorkflowDescription {
        guard let workflow = try await Interventions(fleet: platform.fleet).liveWorkflow(of: org) else {
            throw AppError(
                .conflict, "nothing_under_way",
                "Nothing is under way for \(org.slug): it is \(org.status.rawValue).")
        }
        return workflow
    }

    private func done(
        _ org: Org, _ action: String, _ message: String, _ workflow: UUID?, _ context: AppContext
    ) throws -> Response {
        context.logger.notice(
            "operator acted", metadata: ["org": "\(org.id.text)", "action": "\(action)"])
        return try Response.json(
            Done(slug: org.slug, action: action, message: message, workflowID: workflow?.text),
            status: .accepted)
    }

    func why(_ request: Request, _ context: AppContext) async throws -> Response {
        try Response.json(try await Why(of: try await org(context), platform.fleet))
    }

    /// Ends the pause of what is under way, or launches a failed tenant anew.
    func retry(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await org(context)
        if let workflow = try await Interventions(fleet: platform.fleet).liveWorkflow(of: org) {
            let wasWaiting = try await platform.database.transaction { transaction in
                try await Interventions(fleet: platform.fleet).recordOrder(
                    "hurried", workflow.kind, org, by: context.origin, in: transaction)
                return try await platform.engine.hurry(workflow.id, in: transaction)
            }
            let message = wasWaiting ? "looks again now." : "runs right now."
            return try done(
                org, "retry", "\(workflow.kind) \(message)", workflow.id, context)
        }
        switch org.status {
        case .failed:
            _ = try await Launches(fleet: platform.fleet).provisionAgain(
                org, as: "org.retried", by: context.origin)
            return try done(org, "retry", "\(org.slug) is provisioned anew.", nil, context)
        case .deprovisioning:
            try await Teardowns(fleet: platform.fleet).beginDelete(org, by: context.origin)
            return try done(org, "retry", "The teardown of \(org.slug) begins anew.", nil, context)
        default: return try done(org, "retry", "\(try await live(org).kind) runs.", nil, context)
        }
    }

    func cancel(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await org(context)
        let workflow = try await live(org)
        try await Interventions(fleet: platform.fleet).cancelWorkflow(workflow, of: org, by: context.origin)
        return try done(org, "cancel", "\(workflow.kind) is cancelled.", workflow.id, context)
    }

    struct Confirmation: RequestFields {
        var confirm: String

        enum CodingKeys: String, CodingKey, CaseIterable { case confirm }
    }

    /// Declares what is waited for as given: the workflow goes on behind it.
    func force(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await org(context)
        let body = try await RequestBody.read(Confirmation.self, from: request)
        guard body.confirm == org.slug else {
            throw AppError.invalidField("confirm", "To force a wait, \"confirm\" must be \"\(org.slug)\".")
        }
        let workflow = try await live(org)
        guard workflow.kind != RedeployBatch.kind else { throw AppError.partOfARollout }
        // What an instance is, nobody can declare; that a change of it may begin, a person can.
        guard
            workflow.kind != ResizeTenant.kind
                || workflow.waitingFor?.hasPrefix(ResizeTenant.turnPrefix) == true
        else { throw AppError.resizeInProgress }
        let ended = try await platform.database.transaction { transaction in
            let name = try await platform.engine.endWait(workflow.id, in: transaction)
            guard name != nil else { return name }
            try await Interventions(fleet: platform.fleet).recordOrder(
                "wait_forced", workflow.kind, org, by: context.origin, in: transaction)
            return name
        }
        guard let name = ended else {
            throw AppError(
                .conflict, "nothing_to_force",
                "\(workflow.kind) is in no wait that can be declared over. Use retry or cancel.")
        }
        return try done(
            org, "force", "\(workflow.kind) goes on as if \(name) had come about.", workflow.id, context)
    }

    func repair(_ request: Request, _ context: AppContext) async throws -> Response {
        let org = try await org(context)
        let id = try await Interventions(fleet: platform.fleet).startRepair(of: org, by: context.origin)
        return try done(
            org, "repair", "The user-data runs again on the instance; why shows how it goes.", id, context)
    }
}
