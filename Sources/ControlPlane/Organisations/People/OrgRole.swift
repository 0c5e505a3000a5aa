/// What a person is in an organisation.
package enum OrgRole: String, Sendable, Hashable, CaseIterable, Codable {
    /// Everything. An organisation always has at least one.
    case owner
    /// Everything but the erasure, and but making, changing and removing owners.
    case admin
    /// Sees the organisation and how its provisioning stands.
    case member
    /// Also pays for it, and sets what it may use.
    case billing
}

extension OrgRole {
    /// What the role stands for: the one place that says it.
    package var scopes: Set<Scope> {
        switch self {
        case .owner: Set(Scope.allCases)
        case .admin: Set(Scope.allCases).subtracting([.deleteOrgs])
        case .member: [.readOrgs, .provisionStatus]
        case .billing: [.readOrgs, .provisionStatus, .readBilling, .manageBilling]
        }
    }
}

extension Scope {
    /// What every signed-in user may do where no organisation is named: list their own, and create one.
    package static let ofEveryUser: Set<Scope> = [.createOrgs, .readOrgs]
}
