import Foundation
import Synchronization
import TenantProtocol
import TestSupport
import Testing

@testable import TenantAgent

/// A daemon that has the image already, and keeps its data in the folder that the test names.
private final class PretendDocker: Sendable {
    let path: String
    private let folder: String
    private let listener: Int32
    private let root: String

    init(root: String) throws {
        folder = try makeTemporaryFolder("pretend")
        path = "\(folder)/docker.sock"
        self.root = root
        listener = try listenOnSocket(path)
        Thread.detachNewThread { [self] in accept() }
    }

    func close() {
        shutdown(listener, Int32(SHUT_RDWR))
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            var buffer = [UInt8](repeating: 0, count: 16_384)
            let count = recv(client, &buffer, buffer.count, 0)
            let request = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
            let body =
                request.hasPrefix("GET /info")
                ? #"{"DockerRootDir":"\#(root)","Architecture":"x86_64"}"#
                : #"{"Id":"sha256:\#(String(repeating: "0", count: 64))"}"#
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            _ = writeAll(client, Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)[...])
            Glibc.close(client)
        }
        Glibc.close(listener)
    }
}

/// On a file system that is as small as the test says.
@Suite(.enabled(if: geteuid() == 0, "mounts a small file system"), .serialized)
struct DiskSpaceTests {
    private func preflight(onMebibytes size: Int) async throws {
        try await withTemporaryFolder { folder in
            let mounted = try await runCommand(
                "/bin/mount", ["-t", "tmpfs", "-o", "size=\(size)m", "tmpfs", folder])
            try #require(mounted.status == 0, "\(mounted.output)")
            let docker = try PretendDocker(root: folder)
            let outcome: Result<RemoteImage?, any Error>
            do {
                let installation = try makeInstallation("\(folder)/state", platform: nil)
                let engine = DockerEngine(socket: docker.path)
                let preflight = Preflight(
                    docker: engine,
                    check: ImageCheck(installation: installation, docker: engine, service: .tenant),
                    access: RegistryAccess(installation, nil))
                let image = try #require(ImageReference("registry.example/image:1"))
                outcome = .success(try await preflight.run(image, running: nil))
            } catch {
                outcome = .failure(error)
            }
            docker.close()
            _ = try await runCommand("/bin/umount", [folder])
            _ = try outcome.get()
        }
    }

    @Test func aFullDiskRefusesAReplacementBeforeAnythingIsTouched() async throws {
        let failure = await #expect(throws: StageFailure.self) { try await preflight(onMebibytes: 128) }
        #expect(failure?.code == .diskFull)
        let text = failure.map { "\($0)" } ?? ""
        #expect(text.contains("512 MiB are needed"), "\(text)")
    }

    @Test func roomEnoughIsRoomEnough() async throws {
        try await preflight(onMebibytes: 640)
    }
}
