import Foundation

@testable import AdminCLI

/// Documents as the control plane writes them.
enum RolloutFixture {
    static let id = "3f2a91c0-1111-4222-8333-444455556666"
    static let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

    struct Wave {
        var number: Int
        var outcomes: [String: Int]
        var unhealthy = 0
        var inconclusive = 0
        var name: String?

        fileprivate var value: [String: Any] {
            [
                "number": number, "name": name ?? (number == 0 ? "canary" : "wave \(number)"),
                "total": outcomes.values.reduce(0, +), "outcomes": outcomes, "unhealthy": unhealthy,
                "inconclusive": inconclusive,
            ]
        }
    }

    /// - Parameter more: members that are added, or replace others.
    static func json(
        state: String = "running", stage: String = "redeploying", wave: Int = 0, waves: [Wave],
        skipped: Int = 0, more: [String: Any] = [:]
    ) -> String {
        var outcomes: [String: Int] = skipped > 0 ? ["skipped": skipped] : [:]
        for wave in waves { outcomes.merge(wave.outcomes, uniquingKeysWith: +) }
        let isFinal = !["running", "paused", "rolling_back"].contains(state)
        var value: [String: Any] = [
            "id": id, "state": state, "stage": isFinal ? "ended" : stage, "wave": wave, "service": "tenant",
            "refresh": false, "target_tag": "v2", "digest": digest, "outcomes": outcomes,
            "total": outcomes.values.reduce(0, +), "waves": waves.map(\.value),
            "settings": ["soak_seconds": 20, "wave_soak_seconds": 0, "batch_size": 10, "concurrency": 2],
            "created_at": "2026-01-01T08:20:00.250Z",
        ]
        if isFinal { value["finished_at"] = "2026-01-01T08:21:10.500Z" }
        value.merge(more) { $1 }
        let data = (try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    static func rollout(_ json: String) throws -> Rollout {
        try JSONDecoder().decode(Rollout.self, from: Data(json.utf8))
    }

    static func date(_ text: String) throws -> Date { try Date("2026-01-01T\(text)Z", strategy: .iso8601) }

    /// An event of the stream.
    static func event(
        _ sequence: Int, _ name: String, wave: Int? = nil, slug: String? = nil, detail: String? = nil
    ) -> String {
        var value: [String: Any] = [
            "sequence": sequence, "at": "2026-01-01T08:20:\(10 + sequence).000Z", "event": name,
        ]
        value["wave"] = wave
        value["slug"] = slug
        value["detail"] = detail
        let data = (try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])) ?? Data()
        return "id: \(sequence)\nevent: \(name)\ndata: \(String(decoding: data, as: UTF8.self))\n\n"
    }

    static func tenant(
        _ slug: String, _ phase: String, wave: Int = 0, verdict: String? = nil, code: String? = nil,
        error: String? = nil
    ) throws -> RolloutTenant {
        let text = tenantJSON(slug, phase, wave: wave, verdict: verdict, code: code, error: error)
        return try JSONDecoder().decode(RolloutTenant.self, from: Data(text.utf8))
    }

    static func tenantJSON(
        _ slug: String, _ phase: String, wave: Int = 0, verdict: String? = nil, code: String? = nil,
        error: String? = nil
    ) -> String {
        let value: [String: Any] = [
            "slug": slug, "phase": phase, "wave": wave, "verdict": verdict as Any? ?? NSNull(),
            "error_code": code as Any? ?? NSNull(), "error": error as Any? ?? NSNull(),
            "digest_before": "sha256:" + String(repeating: "a", count: 64), "digest_after": NSNull(),
            "redeploy_id": NSNull(), "ssm_status": NSNull(), "ssm_exit_code": NSNull(),
            "healthz_ok": NSNull(),
        ]
        let data = (try? JSONSerialization.data(withJSONObject: value, options: [.sortedKeys])) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }
}
