import Foundation
import TestSupport
import Testing

@testable import TenantAgent

private let chain = "-A MOLECULE-ROUTE ! -d 127.0.0.2/32 -p tcp -m tcp --dport 8080"
private let whole = """
    -P OUTPUT ACCEPT
    -N MOLECULE-ROUTE
    -A PREROUTING -p tcp -m tcp --dport 8080 -j MOLECULE-ROUTE
    -A OUTPUT -o lo -p tcp -m tcp --dport 8080 -j MOLECULE-ROUTE
    \(chain) --tcp-flags FIN,SYN,RST,ACK SYN -j REDIRECT --to-ports 8081
    """

@Test func packetRulesAreReadAsWhereTheyLead() {
    let rules = Route.Rules(listing: whole)
    #expect(rules.lead(to: 8081) && !rules.lead(to: 8080))
    #expect(Route.Rules(listing: "-P OUTPUT ACCEPT").lead(to: 8080))
    // Cut off between two changes, or changed by somebody else.
    for line in whole.split(separator: "\n").dropFirst(2) {
        let torn = whole.split(separator: "\n").filter { $0 != line }.joined(separator: "\n")
        #expect(!Route.Rules(listing: torn).lead(to: 8081), "without \(line)")
    }
    #expect(!Route.Rules(listing: whole + "\n\(chain) -j ACCEPT").lead(to: 8081))
    let restoration = Route.Rules(listing: "").restoration(to: 8081)
    #expect(restoration.contains("-A PREROUTING") && restoration.contains("-A OUTPUT -o lo"))
    #expect(restoration.contains("--syn"))
    // Also back to the front by a rule: an empty chain would reset what it has led.
    #expect(rules.restoration(to: 8080).contains("--to-ports 8080"))
    #expect(!rules.restoration(to: 8080).contains("-A PREROUTING"))
}

private let mayUnshare =
    geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/unshare")
    && FileManager.default.isExecutableFile(atPath: "/usr/sbin/iptables")

/// In a network of their own: two servers, which name their port on each line that they get.
@Suite(.enabled(if: mayUnshare, "needs root, unshare(1) and iptables"))
struct RouteTests {
    private static let servers = """
        import socket, sys, threading
        def serve(port):
            listener = socket.create_server(("0.0.0.0", port))
            print("listening", port, flush=True)
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0], port), daemon=True).start()
        def answer(connection, port):
            while connection.recv(100):
                connection.sendall(b"HTTP/1.1 %d \\r\\n\\r\\n" % (port - 8080 + 200))
        def hold():
            # One connection, opened through the front and used again whenever a line comes.
            kept = socket.create_connection(("127.0.0.1", 8080))
            led = None
            for line in sys.stdin:
                if line.strip() in ("open", "led"):
                    led = led or socket.create_connection(("127.0.0.1", 8080))
                    led.sendall(b"x")
                    print("led", led.recv(100).split()[1].decode(), flush=True)
                    continue
                kept.sendall(b"x")
                print("kept", kept.recv(100).split()[1].decode(), flush=True)
        threading.Thread(target=serve, args=(8081,), daemon=True).start()
        threading.Thread(target=serve, args=(8080,), daemon=True).start()
        import time; time.sleep(0.5)
        hold()
        """

    @Test func newConnectionsAreLedAndEstablishedOnesStay() async throws {
        let network = try NetworkFixture(script: Self.servers)
        defer { network.end() }
        try await network.wait(for: "listening 8080")
        try await network.wait(for: "listening 8081")
        let route = Route(pid: network.pid)
        func answer(_ port: UInt16, _ address: NetworkProbe.Address) async -> Int? {
            await NetworkProbe(pid: network.pid, port: port, address: address).httpStatus("/")
        }
        try network.say("first")
        try await network.wait(for: "kept 200", times: 1)
        #expect(await answer(8080, .loopback) == 200)

        try await route.lead(to: 8081)
        #expect(await answer(8080, .loopback) == 201)
        #expect(await answer(8080, .slots) == 200, "a slot can be asked past the rules")
        #expect(await answer(8081, .slots) == 201)
        // It was opened before there were any rules, so that the kernel had not followed it.
        try network.say("second")
        try await network.wait(for: "kept 200", times: 2)
        try network.say("open")
        try await network.wait(for: "led 201", times: 1)
        // Again: nothing to do.
        try await route.lead(to: 8081)

        try await route.lead(to: 8080)
        #expect(await answer(8080, .loopback) == 200)
        // What was led stays where it was led to.
        try network.say("led")
        try await network.wait(for: "led 201", times: 2)
        try network.say("third")
        try await network.wait(for: "kept 200", times: 3)
        // Half of the rules gone: made whole.
        _ = try await NetworkCommand(pid: network.pid).run(
            ["/usr/sbin/iptables", "-t", "nat", "-F", "OUTPUT"])
        try await route.lead(to: 8081)
        #expect(await answer(8080, .loopback) == 201)
    }

    @Test func aNetworkThatIsGoneIsAnError() async throws {
        await #expect(throws: (any Error).self) { try await Route(pid: 2_000_000_000).lead(to: 8081) }
        // The first slot needs no rules.
        try await Route(pid: 2_000_000_000).lead(to: 8080)
        let (status, output) = try await NetworkCommand(pid: 0).run(
            ["/bin/sh", "-c", "cat; exit 7"], input: "a")
        #expect(status == 7 && output == "a")
    }
}

/// A Python script as the only process of a network of its own.
private final class NetworkFixture: Sendable {
    let pid: Int32
    private let process: Process
    private let output: URL
    private let input: FileHandle

    init(script: String) throws {
        let folder = try makeTemporaryFolder("route")
        output = URL(filePath: "\(folder)/output")
        try Data().write(to: output)
        let child = Process()
        child.executableURL = URL(filePath: "/usr/bin/unshare")
        child.arguments = [
            "--net", "bash", "-c", "ip link set lo up && exec python3 -u -c \"$0\"", script,
        ]
        let pipe = Pipe()
        child.standardInput = pipe
        child.standardOutput = try FileHandle(forWritingTo: output)
        try child.run()
        process = child
        input = pipe.fileHandleForWriting
        pid = child.processIdentifier
    }

    func say(_ line: String) throws { try input.write(contentsOf: Data("\(line)\n".utf8)) }

    func wait(for text: String, times: Int = 1) async throws {
        try await eventually("\"\(text)\"") {
            let lines = try String(contentsOf: output, encoding: .utf8).split(separator: "\n")
            return lines.filter { $0.contains(text) }.count >= times
        }
    }

    func end() {
        process.terminate()
        try? FileManager.default.removeItem(at: output.deletingLastPathComponent())
    }
}
