import Hummingbird
import Synchronization

/// Counts of a few words, as Prometheus text. Nothing about contents, users or workspaces.
final class Metrics: Sendable {
    private let responses = Mutex<[Int: Int]>([:])

    func count(status: Int) { responses.withLock { $0[status / 100, default: 0] += 1 } }

    /// Source: Prometheus text exposition format 0.0.4.
    func text(health: HealthCheck.Result, settingsAge: Duration?, version: String) -> String {
        var lines = [
            "# TYPE molecule_tenant_info gauge", "molecule_tenant_info{version=\"\(escaped(version))\"} 1",
        ]
        lines.append("# TYPE molecule_tenant_dependency_up gauge")
        for (name, passed) in health.passed.sorted(by: { $0.key < $1.key }) {
            lines.append("molecule_tenant_dependency_up{name=\"\(name)\"} \(passed ? 1 : 0)")
        }
        lines.append("# TYPE molecule_tenant_http_responses_total counter")
        for (group, count) in responses.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
            lines.append("molecule_tenant_http_responses_total{status=\"\(group)xx\"} \(count)")
        }
        if let settingsAge {
            lines.append("# TYPE molecule_tenant_settings_age_seconds gauge")
            lines.append("molecule_tenant_settings_age_seconds \(settingsAge.components.seconds)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func escaped(_ value: String) -> String {
        value.filter { $0 != "\\" && $0 != "\"" && $0 != "\n" }
    }
}

/// Outermost: it counts what clients really get.
struct CountingMiddleware<Context: RequestContext>: RouterMiddleware {
    let metrics: Metrics

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let response = try await next(request, context)
        metrics.count(status: response.status.code)
        return response
    }
}
