import Foundation
import TestSupport
import Testing

/// Lets every kind of external call fail in every way, once, and expects the same end as without.
///
/// `silence` outlasts the longest time limit of the control plane's HTTP client, 30 s; a throttle of
/// Cloudflare's says Retry-After: 1 instead of its 300.
@Suite(.serialized) struct FaultTests {
    static let sampleSize = 24

    @Test(.timeLimit(.minutes(240)))
    func aCallThatFailsInAnyWayEndsInOneOfEachOrNone() async throws {
        let matrix = Matrix(cloud: try await SharedCloud.shared.value)
        var attempts: [Attempt] = []
        for story in Story.chosen {
            let calls = try await matrix.trace(story).filter { $0.kind == .call }
            // Each kind of call once, at its first and at its last occurrence.
            let ends = Dictionary(grouping: calls, by: \.name).values.flatMap { Set([$0.first!, $0.last!]) }
            for point in ends.sorted(by: { "\($0)" < "\($1)" }) {
                attempts += Fault.allCases.filter { $0.applies(to: point.name) }.map {
                    Attempt(story: story.name, point: point, interference: .fault($0))
                }
            }
        }
        let all = attempts.count
        // Silence first: it takes longest, and others run meanwhile.
        let chosen = Matrix.isFull ? attempts : attempts.sample(Self.sampleSize) { "\($0.interference)" }
        let ordered =
            chosen.filter { $0.interference == .fault(.silence) }
            + chosen.filter { $0.interference != .fault(.silence) }
        let results = await matrix.run("faults", ordered, of: Story.all)
        printTable("faults", results, of: all)
        #expect(results.count == chosen.count)
    }
}
