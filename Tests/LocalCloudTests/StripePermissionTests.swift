import Foundation
import TestSupport
import Testing

@testable import LocalCloud

/// What deploy/ asks Stripe to allow, against the calls that the platform's client makes.
@Suite struct StripePermissionTests {
    /// Every method and path that the client's files name, ids left out.
    private func calls() throws -> [(method: String, path: String)] {
        let folder = "\(packageRoot)/Sources/ControlPlane/Providers/Stripe"
        let text = try FileManager.default.contentsOfDirectory(atPath: folder).map {
            try String(contentsOfFile: "\(folder)/\($0)", encoding: .utf8)
        }.joined()
        return text.matches(of: #/"(GET|POST|DELETE)",\s*"(\/v1\/[^"]+)"/#).map { match in
            (String(match.1), String(match.2).replacing(#/\\\(\w+\)/#, with: "x"))
        }
    }

    @Test func theRestrictedKeyMayWhatIsCalledAndNothingElse() throws {
        var needed: [String: StripePermissions.Access] = [:]
        for (method, path) in try calls() {
            let route = try #require(StripeRoute(method, path), "the local cloud lacks \(method) \(path)")
            let need = route.operation.need
            needed[need.resource] = max(needed[need.resource] ?? .read, need.access)
        }
        let file = try StripePermissions(file: "\(packageRoot)/deploy/stripe-restricted-key.json")
        #expect(file.permissions == needed)
    }

    @Test func writingAllowsToRead() {
        let permissions = StripePermissions(permissions: ["customers": .write, "prices": .read])
        #expect(permissions.allow(.init(resource: "customers", access: .read)))
        #expect(permissions.allow(.init(resource: "customers", access: .write)))
        #expect(!permissions.allow(.init(resource: "prices", access: .write)))
        #expect(!permissions.allow(.init(resource: "events", access: .read)))
    }
}
