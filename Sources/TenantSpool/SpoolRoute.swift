import CurlHTTP
import TenantProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the records of a folder are, and how the platform takes them.
package enum SpoolRoute: String, Sendable, CaseIterable {
    case usage
    case workspaceEvents = "workspace-events"

    package var path: String {
        switch self {
        case .usage: "/cp/llm-usage-events"
        case .workspaceEvents: "/cp/workspace-events"
        }
    }

    var maximumEvents: Int {
        switch self {
        case .usage: UsageBatch.maximumEvents
        case .workspaceEvents: WorkspaceEventBatch.maximumEvents
        }
    }

    /// Of the events in one batch: what is around them, and what is lost, has room beside them.
    var maximumEventBytes: Int { UsageBatch.maximumBytes - (64 << 10) }

    /// Ranges that are named as lost at once.
    static let maximumLost = UsageReceipt.maximumMissing

    /// Whether the platform knows places, and asks for what it has not got.
    var hasPlaces: Bool { self == .usage }

    func body(_ epoch: String, _ records: [SpoolRecord], lost: [SequenceRange]) throws -> [UInt8] {
        let events = Array(records.map(\.payload).joined(separator: [UInt8(ascii: ",")]))
        guard hasPlaces else { return Array("{\"events\":[".utf8) + events + Array("]}".utf8) }
        var head = "{\"epoch\":\"\(epoch)\","
        if let first = records.first { head += "\"sequence\":\(first.sequence)," }
        if !lost.isEmpty {
            head += "\"lost\":" + String(decoding: try JSONEncoder().encode(lost), as: UTF8.self) + ","
        }
        return Array((head + "\"events\":[").utf8) + events + Array("]}".utf8)
    }

    /// Of the platform's answer; nothing where it tells of none.
    func missing(_ answer: HTTPResponse) -> [SequenceRange] {
        guard hasPlaces,
            let receipt = try? JSONDecoder().decode(UsageReceipt.self, from: Data(answer.body))
        else { return [] }
        return Array(receipt.missing.prefix(UsageReceipt.maximumMissing))
    }
}
