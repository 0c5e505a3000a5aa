/// One change of state: who, with what credential, from where, what before and after.
package struct AuditEntry: Sendable, Hashable, Codable {
    package var id: Int
    /// RFC 3339 in UTC, to the microsecond: kept as text, so that no conversion changes what was sealed.
    package var at: String
    package var action: String
    package var orgID: String?
    package var subject: String
    package var actorKind: String
    package var actorName: String
    package var address: String?
    package var requestID: String?
    package var before: AuditValue
    package var after: AuditValue

    package enum CodingKeys: String, CodingKey {
        case id, at, action, subject, address, before, after
        case orgID = "org_id"
        case actorKind = "actor_kind"
        case actorName = "actor_name"
        case requestID = "request_id"
    }

    package init(
        id: Int, at: String, action: String, orgID: String?, subject: String, actorKind: String,
        actorName: String, address: String?, requestID: String?, before: AuditValue, after: AuditValue
    ) {
        self.id = id
        self.at = at
        self.action = action
        self.orgID = orgID
        self.subject = subject
        self.actorKind = actorKind
        self.actorName = actorName
        self.address = address
        self.requestID = requestID
        self.before = before
        self.after = after
    }
}

extension AuditEntry {
    /// With every member, null where there is nothing.
    package var value: AuditValue {
        .object([
            CodingKeys.id.rawValue: .integer(id), CodingKeys.at.rawValue: .string(at),
            CodingKeys.action.rawValue: .string(action), CodingKeys.orgID.rawValue: .text(orgID),
            CodingKeys.subject.rawValue: .string(subject),
            CodingKeys.actorKind.rawValue: .string(actorKind),
            CodingKeys.actorName.rawValue: .string(actorName),
            CodingKeys.address.rawValue: .text(address), CodingKeys.requestID.rawValue: .text(requestID),
            CodingKeys.before.rawValue: before, CodingKeys.after.rawValue: after,
        ])
    }
}
