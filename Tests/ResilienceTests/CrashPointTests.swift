import Foundation
import TestSupport
import Testing

/// Kills the control plane before and after every external call and every commit, starts it again, and expects
/// the same end. A clean run tells which points there are.
@Suite(.serialized) struct CrashPointTests {
    /// Points of a sample: as many as `make test` has time for.
    static let sampleSize = 28

    @Test(.timeLimit(.minutes(60)))
    func aControlPlaneThatDiesAnywhereEndsInOneOfEachOrNone() async throws {
        let matrix = Matrix(title: "crash points", cloud: try await SharedCloud.shared.value)
        var attempts: [Attempt] = []
        for story in Story.all {
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
        let results = await matrix.run(attempts, of: Story.all)
        printTable("crash points", results, of: all) { "\($0.point.kind.rawValue)s" }
        #expect(results.count == attempts.count)
    }
}

/// A table of what was tried, story by story, for whoever reads the log.
func printTable(
    _ title: String, _ results: [(Attempt, Outcome)], of all: Int, column: (Attempt) -> String
) {
    let tried = results.filter { $0.1 != .unreached }
    var lines = ["\(title): \(tried.count) tried of \(all), \(results.count - tried.count) not reached"]
    for story in Story.all.map(\.name) {
        let mine = tried.filter { $0.0.story == story }
        guard !mine.isEmpty else { continue }
        let columns = Dictionary(grouping: mine) { column($0.0) }.sorted { $0.key < $1.key }
            .map { "\($0.value.count) \($0.key)" }
        lines.append("  \(story): \(mine.count) (\(columns.joined(separator: ", ")))")
    }
    for name in Set(tried.map { "\($0.0.story): \($0.0.point.name)" }).sorted() {
        lines.append("    \(name)")
    }
    for (attempt, _) in results.filter({ $0.1 == .unreached }) { lines.append("  not reached: \(attempt)") }
    print(lines.joined(separator: "\n"))
}
