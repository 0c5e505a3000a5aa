import ArgumentParser
import Foundation

/// What became of one tenant of a rollout.
struct RolloutTenant: Decodable {
    enum Phase: String, CaseIterable, ExpressibleByArgument {
        case pending, updating, updated, reverting
        case rolledBack = "rolled_back"
        case skipped, failed, untouched
    }

    var slug: String
    var wave: Int
    var phase: String
    var verdict: String?
    var digestBefore: String?
    var digestAfter: String?
    var errorCode: String?
    var error: String?

    enum CodingKeys: String, CodingKey {
        case slug, wave, phase, verdict, error
        case digestBefore = "digest_before"
        case digestAfter = "digest_after"
        case errorCode = "error_code"
    }

    /// Whether somebody should look at it. One that was not begun, or went back for others' sake, has no
    /// code.
    var isFailure: Bool { phase == "failed" || phase != "skipped" && errorCode != nil }

    /// `failed`, or what it was found to be after its update: `unhealthy`.
    var condition: String {
        guard phase == "updated", let verdict else { return words(phase) }
        return verdict == "inconclusive" ? "not judged" : words(verdict)
    }

    var why: String {
        if phase == "skipped" { return errorCode.map(skipReason) ?? "" }
        return error ?? errorCode.map(words) ?? ""
    }
}

/// The tenants of a rollout, page by page.
struct RolloutTenants: Sendable {
    let api: ControlPlaneAPI
    let rollout: Rollout

    static let page = 1_000

    private struct Page: Decodable { var tenants: [RolloutTenant] }

    /// In the order of the plan.
    /// - Parameter heard: is given each page as it came.
    func all(_ phase: RolloutTenant.Phase?, heard: (Data) -> Void = { _ in }) async throws -> [RolloutTenant]
    {
        var tenants: [RolloutTenant] = []
        let filter = phase.map { "&phase=\($0.rawValue)" } ?? ""
        while true {
            let data = try await api.call(
                "GET", "\(rollout.path)/tenants?limit=\(Self.page)&offset=\(tenants.count)\(filter)")
            let page = try decode(Page.self, from: data).tenants
            heard(data)
            tenants += page
            guard page.count == Self.page else { return tenants }
        }
    }

    /// Only phases are read in which there can be any.
    func failures(heard: (Data) -> Void = { _ in }) async throws -> [RolloutTenant] {
        let isJudged = rollout.waves.contains { $0.unhealthy + $0.inconclusive > 0 }
        let phases: [(RolloutTenant.Phase, Bool)] = [
            (.failed, rollout.count([.failed]) > 0), (.rolledBack, rollout.count([.rolledBack]) > 0),
            (.updated, isJudged), (.untouched, rollout.count([.untouched]) > 0),
        ]
        var failures: [RolloutTenant] = []
        for (phase, isThere) in phases where isThere {
            failures += try await all(phase, heard: heard).filter(\.isFailure)
        }
        return failures
    }
}
