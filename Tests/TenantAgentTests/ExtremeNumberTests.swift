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

    // MARK: The spool

    private static func damage(_ stream: StreamFolder, _ progress: String) throws {
        try Data(progress.utf8).write(to: URL(filePath: stream.progressPath))
    }

    @Test(arguments: [
        #"{"acknowledged":9223372036854775807,"lost":[],"refused":0}"#,
        #"{"acknowledged":-9223372036854775808,"lost":[],"refused":0}"#,
        #"{"acknowledged":0,"lost":[{"from":-9223372036854775808,"to":9223372036854775807}],"refused":0}"#,
        #"{"acknowledged":0,"lost":[],"refused":9223372036854775807}"#, "{", "",
    ])
    func aStreamWithADamagedNoteIsReportedAndTheOthersAreSent(progress: String) async throws {
        try await withTemporaryFolder { folder in
            try await recordUsage(1...3, folder)
            let damaged = try #require(try spoolStreams(folder).first)
            try Self.damage(damaged, progress)
            // The writer takes up no stream whose end is not certain.
            try await recordUsage(4...9, folder)
            let platform = SpoolPlatform()
            let sender = platform.sender(folder)
            let obstacle = await #expect(throws: SpoolSender.Obstacle.self) { try await sender.sendAll() }
            #expect(obstacle?.isOfOneStream == true)
            #expect(platform.all.flatMap(\.ids) == usageIDs(4...9))
            // It is left alone for a while, and named meanwhile.
            #expect(try await sender.sendAll() == 0)
            #expect(await sender.obstacleOfOneStream != nil)
            #expect(throws: (any Error).self) {
                try StreamRetention.tidy(UsageSpool.folder(.usage, in: folder), now: .max, keptSeconds: .min)
            }
            try Self.damage(damaged, #"{"acknowledged":0,"lost":[],"refused":0}"#)
            #expect(try await platform.sender(folder).sendAll() == 3)
        }
    }

    @Test func segmentsAndRecordsBeyondEveryPlaceAreNobodys() async throws {
        try await withTemporaryFolder { folder in
            try await recordUsage(1...2, folder)
            let stream = try #require(try spoolStreams(folder).first)
            for name in ["9223372036854775807", "-9223372036854775808", "0", "-1", "1000000000000001"] {
                try Data().write(to: URL(filePath: "\(stream.path)/\(name).log"))
            }
            #expect(try stream.segments().count == 1)
            for sequence in [Int.max, .min, 0, -1, 1_000_000_000_000_001] {
                let line = SpoolRecord(sequence: sequence, payload: Array("{}".utf8)).line.dropLast()
                #expect(SpoolRecord(line) == nil, "\(sequence)")
            }
            // The last place that there is: whole, read, and the stream is not gone on with.
            let last = SpoolRecord.sequences.upperBound
            let record = SpoolRecord(sequence: last, payload: Array("{}".utf8))
            try Data(record.line).write(to: URL(filePath: stream.segmentPath(first: last)))
            try await recordUsage(3...3, folder)
            #expect(try spoolStreams(folder).count == 2)
        }
    }

    @Test func whatThePlatformMissesMayBeAnyRange() async throws {
        var random = SplitMix(state: 3)
        var ranges: [SequenceRange] = [
            SequenceRange(from: .min, to: .max), SequenceRange(from: .max, to: .min),
            SequenceRange(from: .min, to: 2), SequenceRange(from: 1, to: .max), SequenceRange(from: 0, to: 0),
        ]
        for _ in 0..<50 {
            ranges.append(SequenceRange(from: random.extremeInt(), to: random.extremeInt()))
        }
        try await withTemporaryFolder { folder in
            try await recordUsage(1...3, folder)
            let platform = SpoolPlatform { [ranges] _, number in (200, number == 1 ? ranges : []) }
            #expect(try await platform.sender(folder).sendAll() == 3)
            #expect(platform.all.allSatisfy { $0.ids.allSatisfy(usageIDs(1...3).contains) })
            #expect(platform.all.flatMap(\.lost).isEmpty)
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
