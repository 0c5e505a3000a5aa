import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent
@testable import TenantSpool

/// Numbers at their ends in what the agent reads: an image's metrics, files on the disk, answers of the
/// platform. It runs as root, and outlives them all.
@Suite struct ExtremeNumberTests {
    // MARK: Metrics

    private static func metrics(_ random: inout SplitMix) -> String {
        func number() -> String {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: "\(random.extremeInt())"
            case 1:
                ["+Inf", "-Inf", "NaN", "1e999", "999999999999999", "0x7fffffffffffffff", ""]
                    .randomElement(using: &random) ?? ""
            default: "\(random.extremeDouble())"
            }
        }
        var lines: [String] = []
        for _ in 0..<40 {
            lines.append("molecule_tenant_http_responses_total{status=\"5xx\"} \(number())")
            lines.append("molecule_tenant_http_duration_seconds_bucket{le=\"\(number())\"} \(number())")
        }
        return lines.joined(separator: "\n")
    }

    @Test func anyMetricsAreCounted() {
        var random = SplitMix(state: 1)
        for _ in 0..<1_000 {
            guard let one = TrafficCounters(prometheus: Self.metrics(&random)),
                let other = TrafficCounters(prometheus: Self.metrics(&random))
            else { continue }
            for counters in [one, other, one + other, one.since(other), one + one] {
                #expect(counters.requests >= 0 && counters.errors >= 0)
                #expect((counters.p95Milliseconds ?? 0) >= 0)
            }
        }
        // As many lines as fit an answer, each as large as is taken.
        let line = "molecule_tenant_http_responses_total{status=\"5xx\"} 999999999999999\n"
        let many = TrafficCounters(prometheus: String(repeating: line, count: 20_000))
        #expect(many?.requests == .max && many?.errors == .max)
    }

    @Test func observationsOnTheDiskMayHoldAnything() throws {
        var random = SplitMix(state: 2)
        for _ in 0..<2_000 {
            func traffic() -> String {
                """
                {"requests":\(random.extremeInt()),"errors":\(random.extremeInt()),"buckets":[
                {"up_to":1e308,"count":\(random.extremeInt())},{"count":\(random.extremeInt())}]}
                """
            }
            func slice() -> String {
                """
                {"end":\(Int.random(in: -9...9, using: &random)),"seconds":\(random.extremeInt()),
                "traffic":\(traffic())}
                """
            }
            let text = """
                {"container":"c","tookOverAt":\(random.extremeInt()),"restartCount":\(random.extremeInt()),
                "forgottenRestarts":\(random.extremeInt()),"lookedAt":\(random.extremeInt()),"process":"p",
                "counters":\(traffic()),"slices":[\(slice()),\(slice()),\(slice())],"before":\(slice())}
                """
            var observations = try JSONDecoder().decode(Observations.self, from: Data(text.utf8))
            let container = try JSONDecoder().decode(
                Container.self,
                from: Data(
                    """
                    {"Id":"\(Bool.random(using: &random) ? "c" : "d")","RestartCount":\(random.extremeInt()),
                    "State":{"Running":true,"Restarting":false,"Pid":1,"ExitCode":0,"StartedAt":"p"},
                    "Config":{"Image":"i"},"Image":"i"}
                    """.utf8))
            observations.add(
                TrafficCounters(prometheus: Self.metrics(&random)), of: container,
                at: Int.random(in: -9...9, using: &random))
            _ = (observations.restarts, observations.trafficBefore, observations.trafficSince(at: 5))
            _ = observations.trafficSince(at: random.extremeInt())
        }
    }

    @Test func theBootCounterBeginsAgainWhereItsFileIsDamaged() async throws {
        for text in ["9223372036854775807", "99999999999999999999", "-5", "1000000000000001", "x"] {
            try await withTemporaryFolder { folder in
                let installation = try makeInstallation(folder, platform: nil)
                try Data(text.utf8).write(to: URL(filePath: installation.sequencePath))
                let next = try Spool(installation: installation).nextSequence()
                #expect(next == (text == "-5" ? 6 : 1), "\(text)")
            }
        }
    }
}
