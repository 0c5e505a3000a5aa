import Foundation
import Logging
import Postgres
import Synchronization

/// A throwaway PostgreSQL cluster under /tmp: reached by unix socket, or by TCP where asked; no durability. A
/// shell watches a pipe that this process holds: when the process ends, in whatever way, the pipe closes, the
/// shell stops the server and removes the folder. Tests that stop or restart the server start a cluster of
/// their own.
package final class PrivateCluster: Sendable {
    package let folder: String
    /// On 127.0.0.1; nil for a unix socket only.
    private let port: Int?
    private let commands: FileHandle
    private let watchdog: Mutex<Process>

    /// Connects as the superuser.
    package func url(database: String = "postgres") -> String {
        if let port { return "postgresql://postgres@127.0.0.1:\(port)/\(database)" }
        return "postgresql:///\(database)?host=\(folder)&user=postgres"
    }

    package init(port: Int? = nil) async throws {
        self.port = port
        folder = try makeTemporaryFolder("cppg")
        let child = Process()
        child.executableURL = URL(filePath: "/bin/sh")
        child.arguments = ["-c", Self.script, "sh", folder, try Self.binaries(), port.map(String.init) ?? ""]
        let pipe = Pipe()
        // Inherited by another child, the writing end would keep the watchdog alive after this process.
        _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        child.standardInput = pipe
        child.standardOutput = FileHandle.nullDevice
        child.standardError = FileHandle.nullDevice
        try runUnmasked(child)
        commands = pipe.fileHandleForWriting
        watchdog = Mutex(child)
        try await waitUntilReady()
    }

    /// Ends every session as a fast shutdown does, or as a crash does, and starts the server again.
    package func restart(crashing: Bool = false) async throws {
        try await send(crashing ? "crash" : "stop")
        try await send("start")
        try await waitUntilReady()
    }

    /// Returns when the server has ended.
    package func stopServer() async throws { try await send("stop") }
    /// Returns when the server was started; it may not answer yet.
    package func startServer() async throws { try await send("start") }

    /// Stops the server and removes its folder.
    package func remove() async throws {
        try commands.close()
        try await eventually("the end of the cluster") { !FileManager.default.fileExists(atPath: folder) }
    }

    /// The watchdog removes the file `busy` when it has done what it was told.
    private func send(_ command: String) async throws {
        let busy = "\(folder)/busy"
        try Data().write(to: URL(filePath: busy))
        try commands.write(contentsOf: Data("\(command)\n".utf8))
        try await eventually("\(command) of the cluster") { !FileManager.default.fileExists(atPath: busy) }
    }

    private func waitUntilReady() async throws {
        var configuration = PostgresConfiguration(url: url(), maximumConnections: 1)
        configuration.waitLimit = .seconds(60)
        let pool = PostgresPool(configuration, logger: Logger(label: "cluster"))
        do {
            try await pool.execute("SELECT 1")
        } catch {
            let log = try? String(contentsOfFile: "\(folder)/log", encoding: .utf8)
            throw TestSupportError("PostgreSQL did not start: \(error)\n\(log ?? "")")
        }
        await pool.close()
    }

    private static func binaries() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
            .sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }
        let folders = versions.map { "\(root)/\($0)/bin" } + ["/usr/bin", "/usr/local/bin"]
        guard
            let found = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") })
        else { throw TestSupportError("no PostgreSQL server found; install the package postgresql") }
        return found
    }

    /// $1: the folder, $2: PostgreSQL's binaries, $3: a TCP port or nothing. The server refuses root,
    /// so root becomes postgres.
    private static let script = #"""
        folder=$1 binaries=$2 port=$3 as=
        trap '' INT TERM HUP
        if [ "$(id -u)" = 0 ]; then
            as='setpriv --reuid=postgres --regid=postgres --clear-groups'
            chown postgres "$folder"
        fi
        start() {
            $as "$binaries/postgres" -D "$folder/data" -k "$folder" -h "${port:+127.0.0.1}" \
                -p "${port:-5432}" -c fsync=off \
                -c full_page_writes=off -c max_connections=300 -c shared_buffers=64MB \
                -c autovacuum_naptime=5s </dev/null >>"$folder/log" 2>&1 &
            server=$!
        }
        # A server that has not set its handlers yet ignores the signal: repeat it until the server is gone.
        stop() {
            (while kill "-$1" "$server"; do sleep 0.2; done) 2>/dev/null &
            wait "$server"
        }
        cd "$folder" || exit 1
        $as "$binaries/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N \
            >"$folder/initdb.log" 2>&1
        start
        while read -r command; do
            case $command in
                stop) stop INT ;;
                crash) stop QUIT ;;
                start) start ;;
            esac
            rm -f "$folder/busy"
        done
        stop QUIT
        cd / && rm -rf "$folder"
        """#
}
