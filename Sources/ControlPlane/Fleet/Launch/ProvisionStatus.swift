import FoundationEssentials
import Organisations
import TenantProtocol
import Workflows

/// Where a tenant's provisioning stands: the stages so far, and the reason when it failed.
package struct ProvisionStatus: Encodable, Sendable {
    package var slug: String
    package var status: Org.Status
    var currentStage: BootStage?
    package var stages: [BootProgress.Stage]
    package var error: Failure?
    package var workflow: Workflow?

    package struct Failure: Encodable, Sendable {
        package var code: String
        package var message: String
        package var consoleTail: String?

        package init(code: String, message: String, consoleTail: String? = nil) {
            self.code = code
            self.message = message
            self.consoleTail = consoleTail
        }

        enum CodingKeys: String, CodingKey {
            case code, message
            case consoleTail = "console_tail"
        }
    }

    package struct Workflow: Encodable, Sendable {
        package var id: String
        package var kind: String
        package var state: String
        package var attempts: Int
        var nextActionAt: Date?
        var lastError: String?

        package init(
            id: String, kind: String, state: String, attempts: Int, nextActionAt: Date? = nil,
            lastError: String? = nil
        ) {
            self.id = id
            self.kind = kind
            self.state = state
            self.attempts = attempts
            self.nextActionAt = nextActionAt
            self.lastError = lastError
        }

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

    package init(of org: Org, _ fleet: FleetContext) async throws {
        slug = org.slug
        status = org.status
        let tenant = try await TenantStore(database: fleet.database).find(org: org.id)
        let progress: BootProgress? =
            if let tenant { try await BootEventStore(database: fleet.database).progress(of: tenant) } else {
                nil
            }
        stages = progress?.stages ?? []
        currentStage = org.status == .provisioning ? progress?.current?.stage : nil
        error = org.failureCode.map {
            Failure(code: $0, message: org.failureMessage ?? "", consoleTail: tenant?.consoleTail)
        }
        workflow = try await Self.workflow(of: org, fleet)
    }

    private static func workflow(of org: Org, _ fleet: FleetContext) async throws -> Workflow? {
        let kind = org.status == .provisioning ? ProvisionTenant.kind : TearDownTenant.kind
        guard org.status != .running, org.status != .suspended,
            let found = try await fleet.engine.status(kind: kind, subject: org.id.text)
        else { return nil }
        return Workflow(
            id: found.id.text, kind: kind, state: found.state.rawValue, attempts: found.attempts,
            nextActionAt: found.wakeAt, lastError: found.lastError)
    }

    /// Whether nothing more will happen by itself.
    package var isFinal: Bool { [.running, .failed, .suspended, .purged].contains(status) }
}
