import Foundation
import Synchronization
import TestSupport
import Testing

/// One run of a story with one thing done to it.
struct Attempt: Sendable, Hashable {
    let story: String
    let point: Point
    let interference: Interference
}

enum Outcome: Sendable, Equatable {
    case held
    /// The run went another way and never came to the point: it proves nothing, and does not count.
    case unreached
    case broken([String])
}

/// Tries attempts, several at once: most of a run's time is spent waiting for a lease to run out.
struct Matrix: Sendable {
    /// The whole matrix instead of a sample.
    static let isFull = ProcessInfo.processInfo.environment["RESILIENCE"] == "full"
    static let seed = ProcessInfo.processInfo.environment["RESILIENCE_SEED"].flatMap { UInt64($0) } ?? 1
    static let width = ProcessInfo.processInfo.environment["RESILIENCE_WIDTH"].flatMap { Int($0) } ?? 6

    let cloud: SharedCloud

    /// A run with nothing done to it.
    /// - Returns: the points in their order.
    func trace(_ story: Story) async throws -> [Point] {
        try await Scene.run(in: cloud, story.settings) { scene in
            let credential = try await story.prepare(scene)
            scene.trace.follow()
            try await story.act(scene)
            let points = scene.trace.end()
            let broken = try await story.broken(scene, credential)
            guard broken.isEmpty else {
                throw TestSupportError("\(story.name), undisturbed: \(broken)\n    \(await scene.report())")
            }
            return points
        }
    }

    func attempt(_ attempt: Attempt, of story: Story) async -> Outcome {
        do {
            return try await Scene.run(in: cloud, story.settings) { scene in
                do {
                    let credential = try await story.prepare(scene)
                    scene.trace.follow((attempt.point, attempt.interference))
                    try await story.act(scene)
                    _ = scene.trace.end()
                    let broken = try await story.broken(scene, credential)
                    guard broken.isEmpty else { return .broken(broken + [await scene.report()]) }
                    return scene.trace.hit ? .held : .unreached
                } catch {
                    return .broken(["\(error)", await scene.report()])
                }
            }
        } catch {
            return .broken(["\(error)"])
        }
    }

    /// Tries all of them, and records an issue for each that broke a promise.
    /// - Parameter title: of the lines that tell how far it is.
    func run(_ title: String, _ attempts: [Attempt], of stories: [Story]) async -> [(Attempt, Outcome)] {
        let queue = AttemptQueue(attempts, title)
        let byName = Dictionary(uniqueKeysWithValues: stories.map { ($0.name, $0) })
        return await withTaskGroup(of: [(Attempt, Outcome)].self) { group in
            for _ in 0..<Self.width {
                group.addTask {
                    var results: [(Attempt, Outcome)] = []
                    while let attempt = queue.next(), let story = byName[attempt.story] {
                        let outcome = await self.attempt(attempt, of: story)
                        results.append((attempt, outcome))
                        if case .broken(let problems) = outcome {
                            Issue.record("\(attempt): \(problems.joined(separator: "\n    "))")
                        }
                    }
                    return results
                }
            }
            return await group.reduce(into: []) { $0 += $1 }
        }
    }
}

/// What is still to be tried.
private final class AttemptQueue: Sendable {
    /// A whole matrix takes an hour: a person sees it move.
    private static let tellsEvery = 50

    private let title: String
    private let count: Int
    private let rest: Mutex<ArraySlice<Attempt>>

    init(_ attempts: [Attempt], _ title: String) {
        self.title = title
        count = attempts.count
        rest = Mutex(attempts[...])
    }

    func next() -> Attempt? {
        let (next, begun) = rest.withLock { rest in (rest.popFirst(), count - rest.count) }
        if next != nil, begun % Self.tellsEvery == 0 { print("\(title): \(begun) begun of \(count)") }
        return next
    }
}

extension Attempt: CustomStringConvertible {
    var description: String {
        switch interference {
        case .crash(let side): "\(story), killed \(side) \(point)"
        case .fault(let fault): "\(story), \(fault.rawValue) at \(point)"
        }
    }
}

extension [Attempt] {
    /// So many of them, chosen by the seed; at least one of each class, as long as there is room.
    func sample(_ count: Int, classes: (Attempt) -> String) -> [Attempt] {
        var generator = SplitMix(state: Matrix.seed)
        let shuffled = shuffled(using: &generator)
        var seen: Set<String> = []
        let first = shuffled.filter { seen.insert(classes($0)).inserted }
        let rest = shuffled.filter { !first.contains($0) }
        return Array((first + rest).prefix(count))
    }
}
