import AdminProtocol

/// What a customer's credential may do: a partner key and an organisation's token carry some of these, a
/// member's role stands for some.
package enum Scope: String, Sendable, Hashable, CaseIterable, Codable {
    case createOrgs = "orgs:create"
    case readOrgs = "orgs:read"
    case deleteOrgs = "orgs:delete"
    case exportOrgs = "orgs:export"
    case readBilling = "billing:read"
    /// Also quotas, suspension and resumption.
    case manageBilling = "billing:manage"
    case provisionStatus = "provision:status"
    /// Issues and revokes keys and tokens; also members and invitations.
    case manageKeys = "admin:keys"
}

/// What an operator may do. Each role includes those before it.
package enum OperatorRole: String, Sendable, Hashable, CaseIterable, Codable {
    /// Looks.
    case read
    /// Also changes tenants and rollouts.
    case operate
    /// Also deletes, sees secrets and issues credentials.
    case admin
}

extension OperatorRole: Comparable {
    package static func < (one: OperatorRole, other: OperatorRole) -> Bool { one.rank < other.rank }

    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension Set<Scope> {
    /// - Throws: `scope_missing` (403).
    package func require(_ scope: Scope) throws {
        guard contains(scope) else {
            throw AppError(
                .forbidden, "scope_missing", "This needs the scope \"\(scope.rawValue)\".",
                members: ["scope": scope.rawValue])
        }
    }
}
