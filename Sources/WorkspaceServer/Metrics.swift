import Hummingbird
import Synchronization

/// Counts of a few words, as Prometheus text. Nothing about contents, users or workspaces. Requests to
/// `/health` and `/metrics` are not in them: they come from those who watch.
final class Metrics: Sendable {
    /// Upper bounds of the histogram's buckets, in seconds.
    static let bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    static let unwatchedPaths: Set<String> = ["/health", "/metrics"]

    private struct Counts {
        /// By hundreds of the status.
        var responses: [Int: Int] = [:]
        /// One for each bound and one for what is beyond the last; each by itself, not summed up.
        var buckets = [Int](repeating: 0, count: bounds.count + 1)
        var seconds = 0.0
    }

    private let counts = Mutex(Counts())

    /// - Parameter took: from the request's head to the answer's
    func count(status: Int, took: Duration) {
        let seconds = took / .seconds(1)
        let bucket = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        counts.withLock {
            $0.responses[status / 100, default: 0] += 1
            $0.buckets[bucket] += 1
            $0.seconds += seconds
        }
    }

    /// Source: Prometheus text exposition format 0.0.4.
    func text(health: HealthCheck.Result, settings: PlatformSettings, version: String) -> String {
        var lines = [
            "# TYPE molecule_tenant_info gauge", "molecule_tenant_info{version=\"\(escaped(version))\"} 1",
        ]
        lines.append("# TYPE molecule_tenant_dependency_up gauge")
        for (name, passed) in health.passed.sorted(by: { $0.key < $1.key }) {
            lines.append("molecule_tenant_dependency_up{name=\"\(name)\"} \(passed ? 1 : 0)")
        }
        lines += requestLines()
        if let age = settings.age {
            lines.append("# TYPE molecule_tenant_settings_age_seconds gauge")
            lines.append("molecule_tenant_settings_age_seconds \(age.components.seconds)")
        }
        lines.append("# TYPE molecule_tenant_suspended gauge")
        lines.append("molecule_tenant_suspended \(settings.standing.refusal == nil ? 0 : 1)")
        return lines.joined(separator: "\n") + "\n"
    }

    private func requestLines() -> [String] {
        let counts = counts.withLock { $0 }
        var lines = ["# TYPE molecule_tenant_http_responses_total counter"]
        for (group, count) in counts.responses.sorted(by: { $0.key < $1.key }) {
            lines.append("molecule_tenant_http_responses_total{status=\"\(group)xx\"} \(count)")
        }
        let name = "molecule_tenant_http_duration_seconds"
        lines.append("# TYPE \(name) histogram")
        var total = 0
        for (bound, count) in zip(Self.bounds.map { "\($0)" } + ["+Inf"], counts.buckets) {
            total += count
            lines.append("\(name)_bucket{le=\"\(bound)\"} \(total)")
        }
        return lines + ["\(name)_sum \(counts.seconds)", "\(name)_count \(total)"]
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
        let start = ContinuousClock.now
        let response = try await next(request, context)
        if !Metrics.unwatchedPaths.contains(request.uri.path) {
            metrics.count(status: response.status.code, took: ContinuousClock.now - start)
        }
        return response
    }
}
