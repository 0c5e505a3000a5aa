import AdminProtocol
import FoundationEssentials
import Postgres

/// Who changes members: a person, with the role that they have at that moment, or a key that stands for an
/// administrator.
package enum MemberChanger: Sendable {
    case user(String)
    case key
}

/// One change of who belongs to an organisation. The rules are looked at inside of its transaction, where
/// nobody else can change them: an organisation always has an owner, and owners are the owners' affair.
package struct MemberChange: Sendable {
    /// Members that one organisation may have.
    package static let maximumMembers = 1_000

    package let org: UUID
    package let changer: MemberChanger
    package let transaction: Transaction

    private var members: MembershipStore { MembershipStore(database: transaction) }

    /// Begins a change: others of this organisation wait until the transaction has ended.
    package init(of org: UUID, by changer: MemberChanger, in transaction: Transaction) async throws {
        (self.org, self.changer, self.transaction) = (org, changer, transaction)
        try await MembershipStore(database: transaction).lock(org: org)
    }

    /// - Returns: the role before.
    /// - Throws: `member_not_found` (404), `owner_required` (403), `last_owner` (409).
    package func setRole(of user: String, to role: OrgRole) async throws -> OrgRole {
        let before = try await require(user)
        try await requireRight(over: [before, role])
        if before == .owner, role != .owner { try await requireAnotherOwner() }
        try await members.setRole(of: user, in: org, to: role)
        return before
    }

    /// - Returns: the role before.
    /// - Throws: `member_not_found` (404), `owner_required` (403), `last_owner` (409).
    package func remove(_ user: String) async throws -> OrgRole {
        let before = try await require(user)
        if !isChanger(user) { try await requireRight(over: [before]) }
        if before == .owner { try await requireAnotherOwner() }
        try await members.remove(user, from: org)
        return before
    }

    /// Owners alone make, change and remove owners; everything else also the administrators may.
    /// - Throws: `owner_required` (403); `org_not_found` (404) for who does not belong to it any more.
    package func requireRight(over roles: [OrgRole]) async throws {
        let own = try await changersRole()
        try own.scopes.require(.manageKeys)
        guard own == .owner || !roles.contains(.owner) else {
            throw AppError(
                .forbidden, "owner_required", "Only an owner makes, changes or removes an owner.")
        }
    }

    private func changersRole() async throws -> OrgRole {
        guard case .user(let id) = changer else { return .admin }
        guard let role = try await members.role(of: id, in: org) else {
            throw AppError(.notFound, "org_not_found", "There is no such organisation.")
        }
        return role
    }

    private func isChanger(_ user: String) -> Bool {
        if case .user(user) = changer { true } else { false }
    }

    private func require(_ user: String) async throws -> OrgRole {
        guard let role = try await members.role(of: user, in: org) else {
            throw AppError(
                .notFound, "member_not_found", "Nobody with that id belongs to the organisation.")
        }
        return role
    }

    private func requireAnotherOwner() async throws {
        guard try await members.count(org: org, role: .owner) > 1 else {
            throw AppError(
                .conflict, "last_owner",
                "This is the organisation's last owner. Make another member an owner first.")
        }
    }
}
