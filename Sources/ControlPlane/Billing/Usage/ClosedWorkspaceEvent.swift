import AdminProtocol
import FoundationEssentials
import TenantProtocol

/// An event with the fields of the vocabulary and no others.
package struct ClosedWorkspaceEvent: Decodable, Sendable {
    let id: UUID
    let workspaceID: UUID
    let kind: WorkspaceEvent.Kind
    /// Microseconds since 1970.
    let occurredAt: Int

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int?
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    package init(from decoder: any Decoder) throws {
        let names = try decoder.container(keyedBy: AnyKey.self).allKeys.map(\.stringValue)
        let known = WorkspaceEvent.CodingKeys.allCases.map(\.rawValue)
        guard Set(names).isSubset(of: known) else {
            throw AppError(
                .invalid, "unknown_field",
                "An event has \(known.joined(separator: ", ")), and nothing else.")
        }
        let event = try WorkspaceEvent(from: decoder)
        var time = event.occurredAt
        guard let id = UUID(uuidString: event.id), let workspaceID = UUID(uuidString: event.workspaceID),
            let occurredAt = time.withUTF8({ RFC3339.microseconds($0) })
        else {
            throw AppError.invalidField(
                "events", "An event's id and workspace_id are UUIDs, its occurred_at a time of RFC 3339.")
        }
        (self.id, self.workspaceID, kind) = (id, workspaceID, event.kind)
        self.occurredAt = occurredAt
    }
}
