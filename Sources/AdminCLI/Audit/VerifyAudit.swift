import ArgumentParser
import AuditChain
import Foundation

struct VerifyAudit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Find entries that were changed, removed or inserted after they were written.",
        discussion: """
            Recomputes every link on this machine. A chain that was rewritten as a whole is found only by a \
            head that was kept elsewhere: keep the one that this prints, and give it the next time.
            """)

    @Option(help: "SEQUENCE:HASH that an earlier run printed; the log must still hold it.")
    var head: String?
    @Option(help: "A file that `cpctl audit export` wrote, instead of the control plane.")
    var file: String?
    @OptionGroup var server: ServerOptions

    private struct Report: Encodable {
        struct Finding: Encodable {
            var kind: String
            var sequence: Int?
            var entryID: Int?
            var text: String

            enum CodingKeys: String, CodingKey {
                case kind, sequence, text
                case entryID = "entry_id"
            }
        }

        var entries: Int
        var unsealed: Int
        var head: String?
        var findings: [Finding]
    }

    func validate() throws { _ = try expected() }

    private func expected() throws -> ChainVerifier.Head? {
        guard let head else { return nil }
        let parts = head.split(separator: ":")
        guard parts.count == 2, let sequence = Int(parts[0]), sequence > 0, parts[1].count == 64 else {
            throw ValidationError("--head is SEQUENCE:HASH, as an earlier run printed it.")
        }
        return ChainVerifier.Head(sequence: sequence, hash: parts[1].lowercased())
    }

    func run() async throws {
        var verifier = ChainVerifier(expecting: try expected(), now: Int(Date().timeIntervalSince1970))
        var lines = JSONLines()
        if let file {
            for chunk in try chunks(of: file) { try verifier.check(lines.feed(chunk)) }
        } else {
            for try await chunk in try await server.connect().stream("/cp/admin/audit/export") {
                try verifier.check(lines.feed(chunk))
            }
        }
        guard lines.isAtEnd else {
            throw Failure("The export ends in the middle of a line. Export it again.")
        }
        verifier.finish()
        tell(verifier)
        guard verifier.findings.isEmpty else { throw ExitCode.failure }
    }

    private func chunks(of file: String) throws -> [[UInt8]] {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Failure("The file \(file) cannot be read.")
        }
        return [Array(data)]
    }

    private func tell(_ verifier: ChainVerifier) {
        let head = verifier.head.map { "\($0.sequence):\($0.hash)" }
        if server.json {
            let report = Report(
                entries: verifier.entries, unsealed: verifier.unsealed, head: head,
                findings: verifier.findings.map {
                    .init(kind: $0.kind.rawValue, sequence: $0.sequence, entryID: $0.entryID, text: $0.text)
                })
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return sayJSON((try? encoder.encode(report)) ?? Data())
        }
        for finding in verifier.findings {
            say("✗ \(words(finding.kind.rawValue)): \(oneLine(finding.text))")
        }
        let waiting = verifier.unsealed > 0 ? ", \(verifier.unsealed) of them not sealed yet" : ""
        let entries = verifier.entries == 1 ? "1 entry" : "\(verifier.entries) entries"
        let verdict =
            verifier.findings.isEmpty ? "The log is whole" : counted(verifier.findings.count, "finding")
        say("\(verdict): \(entries)\(waiting).")
        if let head { say("head \(head)") }
    }
}

extension ChainVerifier {
    fileprivate mutating func check(_ lines: [ChainLine]) throws {
        for line in lines { check(line) }
    }
}

/// The documents of a stream of JSON lines.
struct JSONLines {
    private var rest: [UInt8] = []

    var isAtEnd: Bool { rest.isEmpty }

    mutating func feed(_ bytes: [UInt8]) throws -> [ChainLine] {
        rest += bytes
        var lines: [ChainLine] = []
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if end > start { lines.append(try decode(ChainLine.self, from: Data(rest[start..<end]))) }
            start = end + 1
        }
        rest.removeSubrange(..<start)
        return lines
    }
}
