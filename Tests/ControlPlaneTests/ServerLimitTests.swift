import CurlHTTP
import Foundation
import TestSupport
import Testing

@testable import Fleet
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service

/// What one connection may take of the service.
@Suite struct ServerLimitTests {
    private func port(_ service: TestService) throws -> Int {
        try #require(service.url.split(separator: ":").last.flatMap { Int($0) })
    }

    /// A head that never ends, one byte at a time: the connection does not outlive the limit.
    @Test func aHeadThatTricklesIsCutOff() async throws {
        var limits = ServerLimits()
        limits.idle = .seconds(1)
        try await TestService.run(limits: limits) { service in
            let connection = try RawConnection(port: try port(service))
            connection.write("GET /health HTTP/1.1\r\nHost: cp\r\nX-Slow: ")
            let trickle = Task {
                while !Task.isCancelled, connection.write("a") {
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            #expect(await !connection.remainder().contains("200 OK"))
            trickle.cancel()
            #expect(try await service.send("GET", "/health").status == 200)
        }
    }

    @Test func aBodyThatTricklesIsCutOff() async throws {
        var limits = ServerLimits()
        limits.request = .seconds(1)
        try await TestService.run(limits: limits) { service in
            let connection = try RawConnection(port: try port(service))
            connection.write(
                "POST /cp/admin/orgs HTTP/1.1\r\nHost: cp\r\nContent-Length: 1000\r\n"
                    + "Authorization: Bearer \(ExampleEnvironment.adminToken)\r\n\r\n{")
            let trickle = Task {
                while !Task.isCancelled, connection.write(" ") {
                    try await Task.sleep(for: .milliseconds(100))
                }
            }
            #expect(await !connection.remainder().contains("201"))
            trickle.cancel()
            #expect(try await service.count("orgs") == 0)
        }
    }

    /// Asks for far more than any buffer holds, and reads nothing of it.
    @Test func aClientThatReadsNothingIsCutOff() async throws {
        var limits = ServerLimits()
        limits.stalledReading = .seconds(1)
        try await TestService.run(limits: limits) { service in
            try await service.platform.database.execute(
                """
                INSERT INTO orgs (id, slug, name, owner_user_id, status)
                SELECT gen_random_uuid(), 'org-' || n, repeat('n', 200), 'u', 'running'
                FROM generate_series(1, 1000) n
                """)
            let path = "/cp/admin/orgs?limit=1000"
            let one = try await service.send("GET", path).headers.body.count
            let connection = try RawConnection(port: try port(service))
            let asked = 60
            let request =
                "GET \(path) HTTP/1.1\r\nHost: cp\r\n"
                + "Authorization: Bearer \(ExampleEnvironment.adminToken)\r\n\r\n"
            connection.write(String(repeating: request, count: asked))
            try await Task.sleep(for: .seconds(4))
            let received = await connection.remainder().utf8.count
            #expect(received > one && received < asked * one)
        }
    }

    @Test(arguments: [
        (1, ServerLimits.maximumHeaderFieldBytes + 1), (ServerLimits.maximumHeaderFields + 20, 1),
        (10, ServerLimits.maximumHeaderBytes / 8),
    ])
    func headersBeyondTheLimitsAreRefused(_ count: Int, _ bytes: Int) async throws {
        try await TestService.run { service in
            let connection = try RawConnection(port: try port(service))
            let fields = (0..<count).map { "X-Field-\($0): \(String(repeating: "a", count: bytes))\r\n" }
            connection.write("GET /health HTTP/1.1\r\nHost: cp\r\n\(fields.joined())\r\n")
            let answer = await connection.remainder()
            #expect(answer.hasPrefix("HTTP/1.1 400"), "\(answer.prefix(80))")
        }
    }

    @Test func headersWithinTheLimitsAreRead() async throws {
        try await TestService.run { service in
            let connection = try RawConnection(port: try port(service))
            let field = String(repeating: "a", count: ServerLimits.maximumHeaderFieldBytes - 100)
            let answer = try await connection.ask("/health", ["X-Field": field])
            #expect(answer.hasPrefix("HTTP/1.1 200"))
        }
    }
}
