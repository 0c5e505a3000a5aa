import DurableFiles
import TenantProtocol
import TenantSpool

/// `tenant-agent status`: what runs on this instance. No secret in it.
struct Status: Encodable, Sendable {
    var agentVersion: String
    var orgSlug: String
    var isEnrolled: Bool
    /// Stage reports that the platform does not have yet, at most one request's worth.
    var unsentReports: Int
    /// What molecule-tenant has recorded and the platform does not have yet, by kind.
    var spool: [SpoolStatus]
    var services: [ServiceStatus]

    struct ServiceStatus: Encodable, Sendable {
        var name: String
        var image: String
        var isRunning: Bool
        var isHealthy: Bool

        enum CodingKeys: String, CodingKey {
            case name, image
            case isRunning = "running"
            case isHealthy = "healthy"
        }
    }

    enum CodingKeys: String, CodingKey {
        case services, spool
        case agentVersion = "agent_version"
        case orgSlug = "org_slug"
        case isEnrolled = "enrolled"
        case unsentReports = "unsent_reports"
    }

    var isHealthy: Bool { Self.isHealthy(services) }

    static func gather(_ installation: Installation, _ docker: DockerEngine) async throws -> Status {
        Status(
            agentVersion: TenantAgent.agentVersion, orgSlug: try installation.declaration().orgSlug,
            isEnrolled: Files.exists(installation.enrolledPath),
            unsentReports: try Spool(installation: installation).oldest().count,
            spool: try SpoolRoute.allCases.map {
                try SpoolStatus($0, installation.spoolFolders)
            },
            services: try await services(installation, docker))
    }

    /// Without a look at the spool, which takes as long as the tenant has filled it.
    static func isStackHealthy(_ installation: Installation, _ docker: DockerEngine) async throws -> Bool {
        isHealthy(try await services(installation, docker))
    }

    private static func isHealthy(_ services: [ServiceStatus]) -> Bool {
        !services.isEmpty && services.allSatisfy { $0.isRunning && $0.isHealthy }
    }

    private static func services(
        _ installation: Installation, _ docker: DockerEngine
    ) async throws -> [ServiceStatus] {
        guard try installation.secrets() != nil,
            let holder = try await docker.container(Stack.holderName), holder.isUp
        else { return [] }
        let runtime = StackRuntime(docker: docker, holder: holder)
        var result: [ServiceStatus] = []
        for service in try await Stack.load(installation, docker).services(network: holder.id) {
            let container = try await docker.container(service.name)
            let isRunning = container?.isUp ?? false
            let isHealthy = isRunning ? await runtime.isHealthy(service) : false
            result.append(
                ServiceStatus(
                    name: service.name, image: container?.config.image ?? service.spec.image,
                    isRunning: isRunning, isHealthy: isHealthy))
        }
        return result
    }

    var lines: [String] {
        let head = [
            "agent \(agentVersion), tenant \(orgSlug), \(isEnrolled ? "enrolled" : "not enrolled"), "
                + "\(unsentReports) unsent stage reports"
        ]
        return head + spool.map(\.line)
            + services.map { service in
                let state = service.isHealthy ? "healthy" : service.isRunning ? "unhealthy" : "stopped"
                return "\(state)\t\(service.name)\t\(service.image)"
            }
    }
}
