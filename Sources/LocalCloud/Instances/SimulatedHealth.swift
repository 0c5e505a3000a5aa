import Arithmetic
import PushSignature
import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How a simulated tenant fares.
extension SimulatedAgent {
    /// What holds of the image that runs; nil while none does.
    private var present: SimulationRule? {
        stack.images[.tenant].map { simulation.behaviour(of: $0, slug: slug, up: stack.tenantUp) }
    }

    var isHealthy: Bool {
        guard let present, !stack.isDown else { return false }
        return present.unhealthy != true
    }

    /// What `tenant-agent observe` prints.
    var observation: HealthObservation {
        guard let present else {
            return HealthObservation(
                digest: nil, healthy: false, restarts: 0, upSeconds: 0, before: nil, since: nil)
        }
        let up = Int(saturating: stack.tenantUp / .seconds(1))
        let idle = SimulationRule.Traffic(requests: 0, errors: 0)
        let before = present.before ?? (stack.tookOver ? idle : nil)
        return HealthObservation(
            digest: stack.digest(.tenant), healthy: isHealthy, restarts: present.restarts ?? 0,
            upSeconds: up, before: before?.observed(seconds: HealthObservation.longestSeconds),
            since: (present.since ?? idle).observed(seconds: min(up, HealthObservation.longestSeconds)))
    }

    /// The whole HTTP answer of the simulated molecule-tenant.
    func respond(_ head: ProxiedHead, _ body: [UInt8]) async -> String {
        if head.method == "POST", head.path == SettingsPush.path { return await takePush(head, body) }
        guard head.path == "/health" else { return ProxiedHead.answer(404, #"{"error":"not found"}"#) }
        guard stack.images[.tenant] != nil else { return ProxiedHead.answer(503, #"{"status":"starting"}"#) }
        guard isHealthy else { return ProxiedHead.answer(503, #"{"status":"unhealthy"}"#) }
        let body: JSONValue = [
            "service": "molecule-tenant", "status": "ok", "instance": .string(instance.id),
            "image_digest": .string(stack.digest(.tenant) ?? ""), "disk": .string(disk),
        ]
        return ProxiedHead.answer(200, String(decoding: body.bytes, as: UTF8.self))
    }
}

extension SimulatedAgent {
    /// As workspace-server answers it: a signed push makes the tenant ask for its configuration.
    private func takePush(_ head: ProxiedHead, _ body: [UInt8]) async -> String {
        guard let signature = head.header(SettingsPush.signatureHeader.lowercased()), let grant,
            let org = script?.declaration.orgID
        else { return ProxiedHead.answer(404, #"{"error":"not found"}"#) }
        do {
            try PushSignature.verify(
                signature, PushKey(adminToken: grant.adminToken),
                now: Date().wholeSeconds, org: org, body: body)
        } catch {
            return ProxiedHead.answer(401, #"{"error":"not signed by the platform"}"#)
        }
        guard await fetchConfiguration() != nil else {
            return ProxiedHead.answer(503, #"{"error":"the platform does not answer"}"#)
        }
        return ProxiedHead.answer(200, "{}")
    }
}

extension HealthObservation {
    /// The time that either half covers at most.
    fileprivate static let longestSeconds = 3_600
}

extension SimulationRule.Traffic {
    fileprivate func observed(seconds: Int) -> HealthObservation.Traffic {
        HealthObservation.Traffic(
            seconds: seconds, requests: requests, errors: errors,
            p95Milliseconds: requests == 0 ? nil : p95Milliseconds)
    }
}
