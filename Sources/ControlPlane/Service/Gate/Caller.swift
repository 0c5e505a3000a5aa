import AdminProtocol
import Fleet
import FoundationEssentials
import Organisations

/// Who a request comes from, as its credential proved.
enum Caller: Sendable {
    /// No credential was asked for, or the route checks it itself.
    case anyone
    case `operator`(OperatorIdentity)
    case tenant(TenantIdentity)
    case user(UserIdentity)
    /// A program, by a partner's key or an organisation's token.
    case key(Credential)
}

/// What the gate found out: who calls, and which organisation of theirs the path names.
struct Admission: Sendable {
    var caller: Caller
    /// The one of `:slug`; nil where the route is not for customers, or names none.
    var org: Org?

    init(_ caller: Caller, org: Org? = nil) {
        self.caller = caller
        self.org = org
    }
}

/// A person, by the session of their browser.
package struct UserIdentity: Sendable {
    /// The provider's subject.
    package var id: String
    var email: String?
    /// Whether the provider vouches for the address.
    var isEmailVerified: Bool
    var sessionID: UUID
    /// In the organisation that the path names.
    var role: OrgRole?
}

/// An operator, by the token that was presented.
struct OperatorIdentity: Sendable {
    /// As the audit log names it; `environment` for the token of the environment.
    var name: String
    var role: OperatorRole
    /// nil: the environment's.
    var credentialID: UUID?
}

extension AppContext {
    /// Who is signed in.
    /// - Throws: `person_needed` (403) for a key that the route's access lets in; `unauthenticated` (401) for
    ///   any other caller.
    package func user() throws -> UserIdentity {
        switch caller {
        case .user(let identity): return identity
        case .key:
            throw AppError(
                .forbidden, "person_needed", "A person does this, signed in by a browser; a key cannot.")
        default: throw AppError.unauthenticated
        }
    }

    /// The living organisation that the path names, of a route for customers.
    /// - Throws: `org_not_found` (404), also for one that was deleted.
    package func org() throws -> Org {
        guard let foundOrg, foundOrg.status != .purged else { throw AppError.orgNotFound(try slug().text) }
        return foundOrg
    }

    /// - Throws: `unauthenticated` (401) where the route's access lets others in.
    package func tenant() throws -> TenantIdentity {
        guard case .tenant(let identity) = caller else { throw AppError.unauthenticated }
        return identity
    }
}
