import CurlHTTP
import Foundation

@testable import AdminProtocol
@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Service
@testable import WireText

/// One way to come to a route: what a request presents, and what of it is true.
struct Presenter: Sendable {
    /// What the presented thing stands for, as far as it is good for something.
    enum Standing: Sendable {
        /// Nothing, or nothing that was ever issued, or nothing of what a route asks for.
        case nobody
        case `operator`(OperatorRole)
        /// It was right, and has expired.
        case expired(CredentialKind)
        case key(Set<Scope>, reaches: Bool)
        /// A session; with the role in the organisation, and whether it comes from a page of the platform.
        case session(OrgRole?, isOwnPage: Bool)
        case tenant
        case launch
        /// Stripe's signature over the body that the matrix sends.
        case stripe
    }

    var name: String
    var headers: [HTTPField]
    var standing: Standing

    static func bearer(_ token: String) -> HTTPField { HTTPField("Authorization", "Bearer \(token)") }
    static func org(_ id: UUID) -> HTTPField { HTTPField("X-Molecule-Org-Id", id.text) }
}

/// What a route answers to a presenter.
enum Verdict: Hashable, Sendable {
    /// The handler ran: its answer says neither who are you, nor you may not.
    case admitted
    case refused(status: Int, code: String)

    static let unauthenticated = Verdict.refused(status: 401, code: "unauthenticated")
    static let expired = Verdict.refused(status: 401, code: "api_key_expired")
}

extension Access {
    /// What the access says about a presenter. No default: an access that is not known here does not compile.
    func verdict(_ presenter: Presenter, changesState: Bool, namesOrg: Bool) -> Verdict {
        switch self {
        case .anyone: .admitted
        case .operators(let least): Self.operators(presenter.standing, least)
        case .user: Self.user(presenter.standing, changesState)
        case .customers(let scope): Self.customers(presenter.standing, scope, changesState, namesOrg)
        case .instance:
            switch presenter.standing {
            case .launch: .admitted
            default: .unauthenticated
            }
        case .tenant:
            switch presenter.standing {
            case .tenant: .admitted
            default: .unauthenticated
            }
        case .customersOfBody(let scope):
            Self.customers(presenter.standing, scope, changesState, true)
        case .stripe:
            switch presenter.standing {
            case .stripe: .admitted
            default: .unauthenticated
            }
        }
    }

    private static func operators(_ standing: Presenter.Standing, _ least: OperatorRole) -> Verdict {
        switch standing {
        case .operator(let role):
            role >= least ? .admitted : .refused(status: 403, code: "role_missing")
        case .expired(.operator): .expired
        default: .unauthenticated
        }
    }

    private static func user(_ standing: Presenter.Standing, _ changesState: Bool) -> Verdict {
        guard case .session(_, let isOwnPage) = standing else { return .unauthenticated }
        return changesState && !isOwnPage ? .refused(status: 403, code: "cross_site") : .admitted
    }

    private static func customers(
        _ standing: Presenter.Standing, _ scope: Scope, _ changesState: Bool, _ namesOrg: Bool
    ) -> Verdict {
        let hidden = Verdict.refused(status: 404, code: "org_not_found")
        let narrow = Verdict.refused(status: 403, code: "scope_missing")
        switch standing {
        case .key(let scopes, let reaches):
            if namesOrg, !reaches { return hidden }
            return scopes.contains(scope) ? .admitted : narrow
        case .expired(.partner), .expired(.org): return .expired
        case .session(let role, let isOwnPage):
            if changesState, !isOwnPage { return .refused(status: 403, code: "cross_site") }
            guard namesOrg else { return Scope.ofEveryUser.contains(scope) ? .admitted : narrow }
            guard let role else { return hidden }
            return role.scopes.contains(scope) ? .admitted : narrow
        default: return .unauthenticated
        }
    }
}
