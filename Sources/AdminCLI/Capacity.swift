import ArgumentParser
import Foundation

struct Capacity: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the use of every quota, what is left and for how long, and what is throttled.")

    @OptionGroup var server: ServerOptions

    private struct Answer: Decodable {
        struct Quota: Decodable {
            var name: String
            var used: Int
            var limit: Int
            var headroom: Int
            var days: Double?

            enum CodingKeys: String, CodingKey {
                case name, used, limit, headroom
                case days = "days_to_exhaustion"
            }
        }

        struct Bucket: Decodable {
            var name: String
            var queue: Double
            var blocked: Double
            var admitted: Int
            var throttled: Int

            enum CodingKeys: String, CodingKey {
                case name, admitted, throttled
                case queue = "queue_seconds"
                case blocked = "blocked_seconds"
            }
        }

        var growth: Double
        var waiting: Int
        var readyAt: String
        var quotas: [Quota]
        var buckets: [Bucket]

        enum CodingKeys: String, CodingKey {
            case quotas, buckets
            case growth = "growth_per_day"
            case waiting = "waiting_for_launch"
            case readyAt = "estimated_ready_at"
        }
    }

    func run() async throws {
        let data = try await server.connect().call("GET", "/cp/admin/capacity")
        if server.json { return sayJSON(data) }
        let answer = try decode(Answer.self, from: data)
        say("\(number(answer.growth)) more organisations a day; \(answer.waiting) waiting for their launch.")
        say("An organisation that signs up now is ready by about \(answer.readyAt).")
        say("")
        let quotas = answer.quotas.map {
            [
                $0.name, "\($0.used)", "\($0.limit)", "\($0.headroom)",
                $0.days.map { "\(Int($0)) days" } ?? "lasts",
            ]
        }
        table([["QUOTA", "USED", "LIMIT", "LEFT", "AT THIS RATE"]] + quotas).forEach(say)
        guard !answer.buckets.isEmpty else { return }
        say("")
        let buckets = answer.buckets.map {
            [$0.name, "\($0.admitted)", "\($0.throttled)", "\(Int($0.queue)) s", "\(Int($0.blocked)) s"]
        }
        table([["CALLS", "ADMITTED", "THROTTLED", "QUEUE", "BLOCKED FOR"]] + buckets).forEach(say)
    }

    private func number(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }
}
