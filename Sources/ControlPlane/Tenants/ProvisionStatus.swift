import FoundationEssentials
import TenantProtocol
import Workflows

/// Where a tenant's provisioning stands: the stages so far, and the reason when it failed.
struct ProvisionStatus: Encodable, Sendable {
    var slug: String
    var status: Org.Status
    var currentStage: BootStage?
    var stages: [BootProgress.Stage]
    var error: Failure?
    var workflow: Workflow?

    struct Failure: Encodable, Sendable {
        var code: String
        var message: String
        var consoleTail: String?

        enum CodingKeys: String, CodingKey {
            case code, message
            case consoleTail = "console_tail"
        }
    }

    struct Workflow: Encodable, Sendable {
        var id: String
        var kind: String
        var state: String
        var attempts: Int
        var nextActionAt: Date?
        var lastError: String?

        enum CodingKeys: String, CodingKey {
            case id, kind, state, attempts
            case nextActionAt = "next_action_at"
            case lastError = "last_error"
        }
    }

    enum CodingKeys: String, CodingKey {
        case slug, status, stages, error, workflow
        case currentStage = "current_stage"
    }

    init(of org: Org, _ platform: Platform) async throws {
        slug = org.slug
        status = org.status
        let tenant = try await TenantStore(database: platform.database).find(org: org.id)
        let progress: BootProgress? =
            if let tenant { try await BootEventStore(database: platform.database).progress(of: tenant) } else
            { nil }
        stages = progress?.stages ?? []
        currentStage = org.status == .provisioning ? progress?.current?.stage : nil
        error = org.failureCode.map {
            Failure(code: $0, message: org.failureMessage ?? "", consoleTail: tenant?.consoleTail)
        }
        workflow = try await Self.workflow(of: org, platform)
    }

    private static func workflow(of org: Org, _ platform: Platform) async throws -> Workflow? {
        let kind = org.status == .provisioning ? ProvisionTenant.kind : TearDownTenant.kind
        guard org.status != .running, org.status != .suspended,
            let found = try await platform.engine.status(kind: kind, subject: org.id.text)
        else { return nil }
        return Workflow(
            id: found.id.text, kind: kind, state: found.state.rawValue, attempts: found.attempts,
            nextActionAt: found.wakeAt, lastError: found.lastError)
    }

    /// Whether nothing more will happen by itself.
    var isFinal: Bool { [.running, .failed, .suspended, .purged].contains(status) }
}
