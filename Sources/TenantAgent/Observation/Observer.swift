import Glibc
import TenantProtocol

/// Reads molecule-tenant's metrics inside the holder's network. Whoever writes holds the stack's lock.
struct Observer: Sendable {
    let installation: Installation
    let docker: DockerEngine

    private static let maximumMetricsBytes = 256 << 10
    private static var now: Int { time(nil) }

    /// Adds what was counted since the last look. A failure is logged: nothing waits for observations.
    /// - Parameter port: where the container listens; nil for what the stack says
    func look(at port: UInt16? = nil) async {
        do {
            guard let (container, seen) = try await read(port) else { return }
            var observations = try Observations.load(installation.observationsPath)
            observations.add(seen, of: container, at: Self.now)
            try observations.save(installation.observationsPath)
        } catch {
            log("molecule-tenant not observed: \(error)")
        }
    }

    /// The container that now has the name has just taken over.
    func takeOver() async { await look() }

    /// - Returns: nil when no container runs; counters nil when they cannot be had
    private func read(_ port: UInt16?) async throws -> (Container, TrafficCounters?)? {
        guard let container = try await docker.container(ServiceName.tenant.container), container.isUp,
            let holder = try await docker.container(Stack.holderName), holder.isUp
        else { return nil }
        let stackPort = try await Stack.load(installation, docker).tenantPort
        var probe = NetworkProbe(pid: holder.state.pid, port: port ?? stackPort, address: .slots)
        probe.maximumAnswerBytes = Self.maximumMetricsBytes
        return (container, await probe.httpBody("/metrics").flatMap { TrafficCounters(prometheus: $0) })
    }

    /// `tenant-agent observe`. Writes nothing, and waits for nobody.
    func observe() async throws -> HealthObservation {
        let isHealthy = (try? await Status.isStackHealthy(installation, docker)) ?? false
        var observation = HealthObservation(
            digest: nil, healthy: isHealthy, restarts: 0, upSeconds: 0, before: nil, since: nil)
        guard let (container, seen) = try await read(nil) else { return observation }
        var observations = try Observations.load(installation.observationsPath)
        let now = Self.now
        observations.add(seen, of: container, at: now)
        observation.digest = try await docker.digest(of: container)
        observation.restarts = observations.restarts
        observation.upSeconds = max(0, now - observations.tookOverAt)
        observation.before = observations.trafficBefore
        observation.since = observations.trafficSince(at: now)
        return observation
    }
}
