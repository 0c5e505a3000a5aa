import FoundationEssentials

/// What became of a command on one instance, as ListCommandInvocations tells it with details.
package struct ListedInvocation: Decodable, Sendable {
    package var instanceID: String
    /// `Pending`, `InProgress`, `Delayed`, `Success`, `Cancelled`, `TimedOut`, `Failed` or `Cancelling`.
    package var status: String
    /// What `status` leaves open, for example `DeliveryTimedOut`.
    private var details: String
    private var plugins: [Plugin]

    private struct Plugin: Decodable {
        var responseCode: Int?
        /// Standard output, and after a line of dashes standard error: 2,500 characters of both.
        var output: String?

        enum CodingKeys: String, CodingKey {
            case responseCode = "ResponseCode"
            case output = "Output"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case instanceID = "InstanceId"
        case status = "Status"
        case details = "StatusDetails"
        case plugins = "CommandPlugins"
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        instanceID = try container.decode(String.self, forKey: .instanceID)
        status = try container.decode(String.self, forKey: .status)
        details = try container.decodeIfPresent(String.self, forKey: .details) ?? status
        plugins = try container.decodeIfPresent([Plugin].self, forKey: .plugins) ?? []
    }

    package var isFinished: Bool {
        !["Pending", "InProgress", "Delayed", "Cancelling"].contains(status)
    }

    /// False when the command has certainly not begun on the instance.
    package var wasDelivered: Bool {
        let reason = details.filter { $0 != " " }
        return !["DeliveryTimedOut", "Undeliverable", "Terminated"].contains(reason)
    }

    /// nil while the command has not ended.
    package var responseCode: Int? { plugins.first?.responseCode.flatMap { $0 == -1 ? nil : $0 } }

    /// The last line of the output that begins like a JSON object; empty when there is none.
    package var report: String {
        let lines = (plugins.first?.output ?? "").split(whereSeparator: \.isNewline)
        return lines.last { $0.hasPrefix("{") }.map(String.init) ?? ""
    }
}

struct ManagedInstance: Decodable, Sendable {
    var id: String
    /// `Online`, `ConnectionLost` or `Inactive`.
    var pingStatus: String

    private enum CodingKeys: String, CodingKey {
        case id = "InstanceId"
        case pingStatus = "PingStatus"
    }
}
