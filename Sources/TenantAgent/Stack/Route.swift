import DurableFiles
import TenantProtocol

/// The packet rules, inside the holder's network, by which port 8080 leads to the slot that serves: new
/// connections only, established ones stay where they are (conntrack). With the first slot there is nothing
/// to lead. The rules have a chain of their own, which is replaced in one piece, and end with the network.
///
/// Only packets that open a connection are led: the kernel may first see an old connection in its middle,
/// when the rules are new, and would send it to a container that does not know it. `127.0.0.2` is left alone:
/// by this address the agent asks a slot itself.
struct Route: Sendable {
    /// A process in the network.
    let pid: Int32

    static let chain = "MOLECULE-ROUTE"
    private static let front = Slot.first(of: .tenant).port
    private static let folders = ["/usr/sbin", "/sbin"]

    /// Nothing happens when the rules are as they shall be.
    /// - Throws: `startFailed` when they cannot be changed
    func lead(to port: UInt16) async throws {
        let present: Rules
        do {
            present = try await rules()
        } catch  where port == Self.front {
            // A machine without iptables has no rules, and the first slot needs none.
            return
        }
        guard !present.lead(to: port) else { return }
        log("port \(Self.front) leads to \(port)")
        try await iptables("iptables-restore", ["--noflush"], input: present.restoration(to: port))
        guard try await rules().lead(to: port) else {
            throw StageFailure(.startFailed, "the packet rules do not lead to \(port)")
        }
    }

    /// Whether rules can be read here, and so be made.
    func isPossible() async -> Bool { (try? await rules()) != nil }

    private func rules() async throws -> Rules {
        Rules(listing: try await iptables("iptables", ["-t", "nat", "-S"]))
    }

    @discardableResult
    private func iptables(_ program: String, _ arguments: [String], input: String = "") async throws -> String
    {
        guard let path = Self.folders.map({ "\($0)/\(program)" }).first(where: Files.exists) else {
            throw StageFailure(.startFailed, "\(program) is not installed")
        }
        // Another program may hold the rules for a moment.
        let (status, output) = try await NetworkCommand(pid: pid)
            .run([path, "-w", "5"] + arguments, input: input)
        guard status == 0 else {
            throw StageFailure(.startFailed, "\(program) ends with \(status): \(output.prefix(300))")
        }
        return output
    }

    /// What `iptables -t nat -S` lists of the route.
    struct Rules: Equatable {
        var hasInboundJump: Bool
        var hasLocalJump: Bool
        /// Of the chain, as listed.
        var chain: [String]

        init(listing: String) {
            let lines = listing.split(separator: "\n").map(String.init)
            let jump = "-j \(Route.chain)"
            hasInboundJump = lines.contains { $0.hasPrefix("-A PREROUTING ") && $0.hasSuffix(jump) }
            hasLocalJump = lines.contains { $0.hasPrefix("-A OUTPUT ") && $0.hasSuffix(jump) }
            chain = lines.filter { $0.hasPrefix("-A \(Route.chain) ") }
        }

        func lead(to port: UInt16) -> Bool {
            // Never led anywhere else, or led back.
            if port == Route.front, chain.isEmpty { return true }
            return hasInboundJump && hasLocalJump && chain.count == 1
                && chain[0].contains("--dport \(Route.front) ") && chain[0].hasSuffix("--to-ports \(port)")
        }

        /// For `iptables-restore --noflush`, which takes all of it at once or nothing. Also the way back to
        /// the front port is a rule: a chain without one would reset the connections that it has led.
        func restoration(to port: UInt16) -> String {
            var lines = ["*nat", ":\(Route.chain) - [0:0]"]
            let front = "-p tcp --dport \(Route.front)"
            lines.append(
                "-A \(Route.chain) ! -d 127.0.0.2/32 -p tcp --syn --dport \(Route.front) -j REDIRECT"
                    + " --to-ports \(port)")
            if !hasInboundJump { lines.append("-A PREROUTING \(front) -j \(Route.chain)") }
            if !hasLocalJump { lines.append("-A OUTPUT -o lo \(front) -j \(Route.chain)") }
            return (lines + ["COMMIT", ""]).joined(separator: "\n")
        }
    }
}
