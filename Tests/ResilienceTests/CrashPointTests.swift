import Foundation
import TestSupport
import Testing

/// Kills the control plane before and after every external call and every commit, starts it again, and
/// expects the same end. A clean run tells which points there are.
@Suite(.serialized) struct CrashPointTests {
    /// Points of a sample: as many as `make test` has time for.
    static let sampleSize = 28

    @Test(.timeLimit(.minutes(240)))
    func aControlPlaneThatDiesAnywhereEndsInOneOfEachOrNone() async throws {
        let matrix = Matrix(cloud: try await SharedCloud.shared.value)
        var attempts: [Attempt] = []
        for story in Story.chosen {
            let points = try await matrix.trace(story)
            #expect(points.contains { $0.kind == .call } && points.contains { $0.kind == .commit })
            for side in Side.allCases {
                attempts += points.map {
                    Attempt(story: story.name, point: $0, interference: .crash(side))
                }
            }
        }
        let all = attempts.count
        if !Matrix.isFull {
            attempts = attempts.sample(Self.sampleSize) { "\($0.story) \($0.point.kind) \($0.interference)" }
        }
        let results = await matrix.run("crash points", attempts, of: Story.all)
        printTable("crash points", results, of: all)
        #expect(results.count == attempts.count)
    }
}
