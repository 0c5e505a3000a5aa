import ArgumentParser
import Foundation

struct Why: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show on one screen where a tenant stands, and why.")

    @Argument var slug: String
    @OptionGroup var server: ServerOptions

    func run() async throws {
        let path = "/cp/admin/tenants/\(escaped(slug))/why"
        let data = try await server.connect().call("GET", path)
        if server.json { return sayJSON(data) }
        try decode(WhyAnswer.self, from: data).lines.forEach(say)
    }
}

struct WhyAnswer: Decodable {
    struct Failure: Decodable {
        var code: String
        var message: String
    }

    struct Workflow: Decodable {
        var kind: String
        var state: String
        var stage: String?
        var since: String?
        var p95: Int?
        var deadline: String?
        var warnedAt: String?
        var failures: Int?
        var lastError: String?
        var leaseOwner: String?
        var nextAction: String
        var nextActionAt: String?

        enum CodingKeys: String, CodingKey {
            case kind, state, stage, since, deadline, failures
            case p95 = "p95_ms"
            case warnedAt = "warned_at"
            case lastError = "last_error"
            case leaseOwner = "lease_owner"
            case nextAction = "next_action"
            case nextActionAt = "next_action_at"
        }
    }

    struct Call: Decodable {
        var resource: String
        var operation: String?
        var requestID: String?
        var error: String?
        var at: String?

        enum CodingKeys: String, CodingKey {
            case resource, operation, error, at
            case requestID = "request_id"
        }
    }

    var slug: String
    var status: String
    var failure: Failure?
    var workflow: Workflow?
    var lastReport: String?
    var lastCall: Call?
    var consoleTail: String?
    var suggestions: [String]

    enum CodingKeys: String, CodingKey {
        case slug, status, failure, workflow, suggestions
        case lastReport = "last_report"
        case lastCall = "last_call"
        case consoleTail = "console_tail"
    }

    var lines: [String] {
        var rows = [["\(slug)", status]]
        if let failure { rows.append(["failed", "\(failure.code): \(failure.message)"]) }
        rows += workflow?.rows ?? []
        if let lastReport { rows.append(["last report", lastReport]) }
        if let lastCall { rows += lastCall.rows }
        for suggestion in suggestions { rows.append(["try", suggestion]) }
        let console = consoleTail.map { ["", "The end of the instance's console:"] + [$0] } ?? []
        return table(rows) + console
    }
}

extension WhyAnswer.Workflow {
    fileprivate var rows: [[String]] {
        var rows = [["under way", "\(kind), \(state)"]]
        if let stage {
            let usual = p95.map { ", p95 of the last tenants \(seconds(.milliseconds($0)))" } ?? ""
            rows.append(["stage", "\(stage) since \(since ?? "-")\(usual)"])
        }
        if let deadline {
            rows.append(["deadline", deadline + (warnedAt.map { ", warned at \($0)" } ?? "")])
        }
        if let lastError { rows.append(["last error", "\(lastError) (\(failures ?? 0) failures)"]) }
        if let leaseOwner { rows.append(["held by", leaseOwner]) }
        rows.append(["next", nextAction + (nextActionAt.map { ", at \($0)" } ?? "")])
        return rows
    }
}

extension WhyAnswer.Call {
    fileprivate var rows: [[String]] {
        let request = requestID.map { ", request \($0)" } ?? ""
        let call = "\(operation ?? "-") for \(resource) at \(at ?? "-")\(request)"
        return [["last call", call]] + (error.map { [["its error", $0]] } ?? [])
    }
}
