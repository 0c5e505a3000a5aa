import Foundation
import Synchronization
import TestSupport

/// A `controlplane serve` process that is started again whenever it ends, as a supervisor would.
final class Replica: Sendable {
    private struct State {
        var child: ChildProcess?
        var url: String?
        /// What processes that ended have said.
        var log = ""
        /// Ends that nobody asked for.
        var faults: [String] = []
        var supervisor: Task<Void, Never>?
    }

    private let environment: [String: String]
    private let state = Mutex(State())

    init(_ environment: [String: String]) {
        self.environment = environment
    }

    /// Base URL of the process that runs now; nil between two.
    var url: String? { state.withLock { $0.url } }
    var processIdentifier: Int32? { state.withLock { $0.child?.processIdentifier } }
    var log: String { state.withLock { $0.log + ($0.child?.collectedOutput ?? "") } }
    var faults: [String] { state.withLock { $0.faults } }

    /// Returns once the process listens.
    func start() async throws {
        state.withLock { $0.supervisor = Task { await supervise() } }
        try await eventually("the control plane") { url != nil }
    }

    func signal(_ number: Int32) { state.withLock { $0.child?.signal(number) } }

    func kill() { signal(SIGKILL) }

    func stop() async {
        let supervisor = state.withLock { $0.supervisor }
        supervisor?.cancel()
        await supervisor?.value
    }

    private func supervise() async {
        while !Task.isCancelled {
            do {
                let child = try ChildProcess(
                    builtProduct("controlplane"), ["serve"], environment: environment)
                state.withLock { $0.child = child }
                await watch(child)
            } catch {
                state.withLock { $0.faults.append("\(error)") }
                return
            }
        }
    }

    private func watch(_ child: ChildProcess) async {
        while child.isRunning, !Task.isCancelled {
            if url == nil, let found = child.collectedOutput.firstMatch(of: /address=([0-9.]+:\d+)/) {
                state.withLock { $0.url = "http://\(found.1)" }
            }
            try? await Task.sleep(for: .milliseconds(10))
        }
        state.withLock { $0.url = nil }
        if Task.isCancelled {
            // Whatever it still does is no part of the story: nothing is to be tidied up.
            child.signal(SIGKILL)
        }
        let status = await Task { try? await child.wait() }.value
        state.withLock { state in
            state.log += child.collectedOutput
            state.child = nil
            if status != -SIGKILL { state.faults.append("the process ended with \(status ?? 0)") }
        }
    }
}
