import Foundation
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing
import TunnelLink

@testable import LocalCloud

/// However a connection ended: nothing of it is left.
@Suite struct EdgeTLSLeakTests {
    private final class Weak: @unchecked Sendable {
        weak var handler: TLSHandler?
        init(_ handler: TLSHandler) { self.handler = handler }
    }

    /// A handler owns its `SSL` object, which owns its buffers, and keeps the `TLSServer` of its `SSL_CTX`.
    @Test func everySessionIsFreedAndTheContextAfterThem() async throws {
        weak var context: TLSServer?
        try await withTemporaryFolder { folder in
            let server = try TLSServer(CertificateAuthority(folder: folder), fallback: "127.0.0.1")
            context = server
            let handlers = Mutex<[Weak]>([])
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = try TLSHandler(server)
                        handlers.withLock { $0.append(Weak(handler)) }
                        try channel.pipeline.syncOperations.addHandler(handler)
                        let stream = try ByteStream.install(on: channel)
                        Task {
                            while try await stream.read() != nil { try await stream.write("answer") }
                        }
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let port = try #require(channel.localAddress?.port)
            for scenario in ["deaths", "plaintext", "broken_hello"] {
                try await misbehave(scenario, port, folder + "/ca.pem")
            }
            try await channel.close()
            #expect(handlers.withLock { $0.count } == 62)
            try await eventually("the end of all") {
                handlers.withLock { $0.allSatisfy { $0.handler == nil } }
            }
        }
        try await eventually("the end of the context") { context == nil }
    }

    @Test func aRunningCloudKeepsNeitherDescriptorsNorMemory() async throws {
        try await RunningCloud.with { cloud in
            let (edge, authority) = (cloud.ready.ports.edge, cloud.ready.caFile)
            func descriptors() throws -> Int {
                try FileManager.default.contentsOfDirectory(
                    atPath: "/proc/\(cloud.process.processIdentifier)/fd"
                ).count
            }
            func residentKiB() throws -> Int {
                let text = try String(
                    contentsOfFile: "/proc/\(cloud.process.processIdentifier)/status", encoding: .utf8)
                return try #require(text.firstMatch(of: #/VmRSS:\s+(\d+)/#).flatMap { Int($0.1) })
            }
            func manyConnections() async throws {
                let (status, output) = try await runCommand(
                    "/usr/bin/curl",
                    [
                        "-sS", "--cacert", authority, "-o", "/dev/null", "-w", "%{http_code}\n",
                        "https://nobody.localhost:\(edge)/[1-2000]",
                    ], within: .seconds(300))
                #expect(status == 0)
                #expect(output.split(separator: "\n") == Array(repeating: "530", count: 2000))
            }
            let before = try descriptors()
            for scenario in ["deaths", "plaintext", "broken_hello"] {
                try await misbehave(scenario, edge, authority)
            }
            try await manyConnections()
            let warm = try residentKiB()
            try await manyConnections()
            #expect(try residentKiB() < warm + 2048)
            try await eventually("the descriptors of before") { try descriptors() <= before }
        }
    }

    private func misbehave(_ scenario: String, _ port: Int, _ authority: String) async throws {
        let (status, output) = try await runCommand(
            "/usr/bin/env",
            ["python3", "\(packageRoot)/Tests/oracles/tls_client.py", "\(port)", authority, scenario])
        #expect(status == 0, "\(scenario): \(output)")
    }
}
