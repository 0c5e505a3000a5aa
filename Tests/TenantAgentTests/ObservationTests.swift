import Foundation
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

/// - Parameter took: requests by the bound, in seconds, that they stayed under
private func metrics(good: Int, bad: Int, took: KeyValuePairs<String, Int>) -> String {
    let durations = "molecule_tenant_http_duration_seconds"
    var total = 0
    let buckets = took.map { bound, count in
        total += count
        return "\(durations)_bucket{le=\"\(bound)\"} \(total)"
    }
    return """
        # TYPE molecule_tenant_http_responses_total counter
        molecule_tenant_info{version="v1"} 1
        molecule_tenant_http_responses_total{status="2xx"} \(good)
        molecule_tenant_http_responses_total{status="5xx"} \(bad)
        \(buckets.joined(separator: "\n"))
        \(durations)_sum 12.5
        \(durations)_count \(total)
        """
}

private func container(_ id: String, started: String = "1", restarts: Int = 0) throws -> Container {
    let json = """
        {"Id":"\(id)","RestartCount":\(restarts),"Config":{"Image":"image"},"State":{"Running":true,
         "Restarting":false,"Pid":1,"ExitCode":0,"StartedAt":"\(started)"}}
        """
    return try JSONDecoder().decode(Container.self, from: Data(json.utf8))
}

@Test func metricsAreReadAsCounts() throws {
    let text = metrics(good: 90, bad: 10, took: ["0.01": 50, "0.1": 45, "+Inf": 5])
    let counters = try #require(TrafficCounters(prometheus: text))
    #expect(counters.requests == 100 && counters.errors == 10)
    #expect(counters.buckets.map(\.upTo) == [0.01, 0.1, nil])
    #expect(counters.buckets.map(\.count) == [50, 95, 100])
    #expect(TrafficCounters(prometheus: "process_cpu_seconds_total 1\n") == nil)
    #expect(
        TrafficCounters(prometheus: "molecule_tenant_http_responses_total{status=\"2xx\"} NaN")?.requests == 0
    )
}

@Test func the95thPercentileIsInterpolatedInItsBucket() throws {
    func p95(_ took: KeyValuePairs<String, Int>) throws -> Int? {
        try #require(TrafficCounters(prometheus: metrics(good: 0, bad: 0, took: took))).p95Milliseconds
    }
    // The 95th of 100 is the last of the second bucket.
    #expect(try p95(["0.01": 50, "0.1": 45, "+Inf": 5]) == 100)
    // Halfway through a bucket from 0.1 s to 0.3 s.
    #expect(try p95(["0.1": 90, "0.3": 10, "+Inf": 0]) == 200)
    #expect(try p95(["0.005": 20, "+Inf": 0]) == 5)
    // Beyond the last bound nothing is known but that.
    #expect(try p95(["0.1": 1, "10": 0, "+Inf": 99]) == 10_000)
    #expect(try p95(["0.1": 0, "+Inf": 0]) == nil)
}

@Test func aProcessThatStartedAnewIsCountedFromZeroAndNeverBelow() throws {
    var observations = Observations()
    func seen(_ good: Int, _ bad: Int) throws -> TrafficCounters {
        let text = metrics(good: good, bad: bad, took: ["0.1": good, "+Inf": bad])
        return try #require(TrafficCounters(prometheus: text))
    }
    let first = try container("a")
    observations.add(try seen(0, 0), of: first, at: 1_000)
    observations.add(try seen(100, 5), of: first, at: 1_020)
    // It died: its counts are small again, whether or not they exceed the last ones.
    observations.add(try seen(10, 0), of: try container("a", started: "2", restarts: 1), at: 1_040)
    observations.add(try seen(300, 1), of: try container("a", started: "3", restarts: 2), at: 1_060)
    let since = try #require(observations.trafficSince(at: 1_060))
    #expect(since.requests == 105 + 10 + 301 && since.errors == 6 && since.seconds == 60)
    #expect(observations.restarts == 2)
    // Started by hand, Docker counts from zero.
    observations.add(try seen(300, 1), of: try container("a", started: "4"), at: 1_080)
    #expect(observations.restarts == 2)
    #expect(observations.trafficBefore == nil)
}

@Test func atATakeoverTheHourBecomesWhatWasBefore() throws {
    var observations = Observations()
    func seen(_ requests: Int) throws -> TrafficCounters {
        let text = metrics(good: requests, bad: 0, took: ["0.1": requests, "+Inf": 0])
        return try #require(TrafficCounters(prometheus: text))
    }
    let old = try container("old")
    // Two hours with 10 requests in each 20 s: one hour of it counts.
    for round in 0...360 { observations.add(try seen(round * 10), of: old, at: round * 20) }
    #expect(observations.slices.count <= Observations.maximumSlices)
    #expect(observations.trafficSince(at: 7_200)?.requests == 1_800)
    #expect(observations.trafficSince(at: 7_200)?.seconds == 3_600)

    observations.add(try seen(0), of: try container("new"), at: 7_210)
    observations.add(try seen(7), of: try container("new"), at: 7_230)
    let before = try #require(observations.trafficBefore)
    #expect((1_790...1_800).contains(before.requests) && before.errors == 0)
    #expect(before.p95Milliseconds == 95)
    #expect(observations.trafficSince(at: 7_230)?.requests == 7)
    #expect(observations.tookOverAt == 7_210)

    let copy = try JSONDecoder().decode(Observations.self, from: Data(try encoded(observations)))
    #expect(copy == observations)
}

@Test func anImageWithoutMetricsIsKnownByItsRestartsAlone() throws {
    var observations = Observations()
    observations.add(nil, of: try container("a"), at: 10)
    observations.add(nil, of: try container("a", restarts: 3), at: 30)
    #expect(observations.trafficSince(at: 30) == nil && observations.trafficBefore == nil)
    #expect(observations.restarts == 3)
}
