import ArgumentParser
import Foundation

struct UsageCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Compare the sums by hour and day with the single events; events may come meanwhile.",
        discussion: """
            Ends with status 1 where something differs. --rebuild computes the sums of those months \
            again; new events wait meanwhile.
            """)

    @Option(help: "One month, as 2026-11; every month by default.")
    var month: String?
    @Flag(help: "Compute the sums again where they differ.")
    var rebuild = false
    @OptionGroup var server: ServerOptions

    private struct Month: Decodable {
        struct Difference: Decodable {
            var table: String
            var orgID: String
            var time: String
            var provider: String
            var model: String
            var events: Int
            var eventsExpected: Int

            enum CodingKeys: String, CodingKey {
                case table, time, provider, model, events
                case orgID = "org_id"
                case eventsExpected = "events_expected"
            }
        }

        var month: String
        var hasRawRows: Bool
        var events: Int
        var differences: Int
        var named: [Difference]
        var rebuilt: Bool

        enum CodingKeys: String, CodingKey {
            case month, events, differences, named, rebuilt
            case hasRawRows = "has_raw_rows"
        }

        var cells: [String] {
            let result = differences == 0 ? "equal" : counted(differences, "difference")
            return [month, "\(events)", hasRawRows ? "events" : "hours and days alone", result]
        }
    }

    private struct Answer: Decodable { var months: [Month] }

    func run() async throws {
        let control = try server.connect()
        let path = "/cp/admin/usage/check" + (month.map { "?month=\(escaped($0))" } ?? "")
        let data = try await control.call("GET", path, timeout: .seconds(900))
        let months = try decode(Answer.self, from: data).months
        if server.json {
            sayJSON(data)
        } else {
            show(months)
        }
        let wrong = months.filter { $0.differences > 0 }
        guard !wrong.isEmpty else { return }
        guard rebuild else { throw Failure("To compute these sums again: cpctl usage check --rebuild") }
        for month in wrong {
            let data = try await control.call(
                "POST", "/cp/admin/usage/rebuild", body: ["month": month.month], timeout: .seconds(900))
            if server.json { sayJSON(data) } else { say("\(month.month) was computed again.") }
        }
    }

    private func show(_ months: [Month]) {
        guard !months.isEmpty else { return say("No usage was ever counted.") }
        table([["MONTH", "EVENTS", "COMPARED WITH", "RESULT"]] + months.map(\.cells)).forEach(say)
        let named = months.flatMap(\.named)
        guard !named.isEmpty else { return }
        say("")
        let rows = named.map {
            [
                $0.table, $0.time, $0.orgID, "\($0.provider) \($0.model)", "\($0.events)",
                "\($0.eventsExpected)",
            ]
        }
        table([["SUMS BY", "TIME", "ORG", "MODEL", "EVENTS", "SHOULD BE"]] + rows).forEach(say)
    }
}
