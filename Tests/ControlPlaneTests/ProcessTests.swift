import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import Fleet
@testable import Providers
@testable import Service

/// A client of its own for tests without a service.
struct TestHTTP: Sendable {
    let client = HTTPClient()
}

/// The program as an operator runs it.
@Suite struct ProcessTests {
    private var program: String { builtProduct("controlplane") }

    @Test func withoutItsVariablesItRefusesToStartAndNamesEachOne() async throws {
        let (status, output) = try await runCommand(
            program, ["serve"], environment: ["PATH": "/usr/bin:/bin"])
        #expect(status != 0)
        for variable in Variable.all where variable.fallback == nil {
            #expect(output.contains(variable.name))
        }
    }

    @Test func everyVariableIsDocumented() async throws {
        let (status, output) = try await runCommand(program, ["configuration"])
        #expect(status == 0)
        for variable in Variable.all { #expect(output.contains(variable.name)) }
    }

    @Test func migratingTwiceChangesNothingMore() async throws {
        try await withTestDatabase(migrated: false) { database in
            let environment = try ExampleEnvironment.make(["DATABASE_URL": database.url])
            let first = try await runCommand(program, ["migrate"], environment: environment)
            #expect(first.status == 0 && first.output.contains("0001_workflows"))
            let second = try await runCommand(program, ["migrate"], environment: environment)
            #expect(second.status == 0 && second.output.contains("up to date"))
        }
    }

    /// A stream that would stay open for minutes ends, and leases are given back.
    @Test func onSIGTERMItFinishesWhatIsInFlightAndGivesItsLeasesBack() async throws {
        try await withTestDatabase { database in
            let port = try freePort()
            let environment = try ExampleEnvironment.make([
                "DATABASE_URL": database.url, "CP_LISTEN": "127.0.0.1:\(port)",
            ])
            let process = try ChildProcess(program, ["serve"], environment: environment)
            let http = TestHTTP().client
            defer { http.shutdown() }
            let url = "http://127.0.0.1:\(port)"
            try await eventually("the control plane") {
                (try? await http.send(HTTPRequest("GET", url + "/health")))?.status == 200
            }
            let token = [HTTPField("Authorization", "Bearer \(ExampleEnvironment.adminToken)")]
            let body = Array(#"{"slug":"acme","name":"Acme","owner_user_id":"u"}"#.utf8)
            let created = try await http.send(
                HTTPRequest("POST", url + "/cp/admin/orgs", headers: token, body: body))
            #expect(created.status == 201)
            let stream = try await http.stream(
                HTTPRequest("GET", url + "/cp/admin/orgs/acme/provision-status/stream", headers: token))
            var received: [UInt8] = []
            var isSignalled = false
            for try await chunk in stream.body {
                received += chunk
                if !isSignalled { process.signal(SIGTERM) }
                isSignalled = true
            }
            #expect(String(decoding: received, as: UTF8.self).contains("event: status"))
            let status = try await process.wait()
            #expect(status == 0)
            let held = try await database.pool.query("SELECT 1 AS one FROM workflows WHERE state = 'running'")
            #expect(held.isEmpty)
        }
    }
}
