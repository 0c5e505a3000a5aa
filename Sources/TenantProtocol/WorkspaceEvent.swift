/// `POST /cp/workspace-events`: what becomes of an organisation's workspaces, for analytics across
/// organisations. Never a name, a path, or anything of what a workspace contains.
///
/// Authenticated as the tenant; at most `maximumEvents`, sent as they are or with `Content-Encoding: gzip`.
/// Answers 204. The same id sent again changes nothing.
/// An unknown field or value is refused (400): the vocabulary is closed.
package struct WorkspaceEventBatch: Codable, Sendable, Equatable {
    package var events: [WorkspaceEvent]

    package static let maximumEvents = 1_000

    package init(events: [WorkspaceEvent]) { self.events = events }
}

package struct WorkspaceEvent: Codable, Sendable, Equatable {
    package enum Kind: String, Codable, Sendable, CaseIterable {
        case created, online, offline, removed
    }

    /// UUID.
    package var id: String
    package var workspaceID: String
    package var kind: Kind
    /// RFC 3339.
    package var occurredAt: String

    package init(id: String, workspaceID: String, kind: Kind, occurredAt: String) {
        self.id = id
        self.workspaceID = workspaceID
        self.kind = kind
        self.occurredAt = occurredAt
    }

    package enum CodingKeys: String, CodingKey, CaseIterable {
        case id, kind
        case workspaceID = "workspace_id"
        case occurredAt = "occurred_at"
    }
}
