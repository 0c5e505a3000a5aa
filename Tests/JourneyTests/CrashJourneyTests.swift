import Foundation
import TestSupport
import Testing

extension JourneyTests {
    /// A control plane that dies by SIGKILL, again and again, in the middle of a provisioning.
    @Test(.timeLimit(.minutes(10)))
    func killedControlPlaneEndsInOneInstanceOneTunnelOneRecord() async throws {
        let slug = "crash-\(UInt16.random(in: 1000...9999))"
        let before = try await stack.traces()
        _ = try await stack.create(slug)
        for pause in [50, 300, 1_500, 4_000] {
            try await Task.sleep(for: .milliseconds(pause))
            try await stack.script("control-plane", "kill")
            try await stack.script("control-plane", "start")
        }
        try await stack.awaitRunning(slug)
        #expect(try await stack.traces() == before + .oneTenant)
        try await stack.expectHealthy(slug)
        try await stack.delete(slug)
        #expect(try await stack.traces() == before)
    }
}
