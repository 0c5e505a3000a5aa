import Organisations

/// Who may call a route. Every route says it, in the table of `Routes.swift`.
package enum Access: Sendable, Hashable {
    /// Public: no credential is asked for.
    case anyone
    /// Operators and CI, with at least this role.
    case operators(OperatorRole)
    /// Any browser user who is signed in.
    case user
    /// Customers: a browser user whose role in the organisation of the path's `:slug` stands for the scope,
    /// or a credential of the customer's that carries it and may reach that organisation. Where the path
    /// names no organisation, only the scope counts.
    case customers(Scope)
    /// Customers, as above, where the request's body names the organisation: the gate finds out who calls,
    /// and the handler asks `CustomerGate.authorize` once it has read the body.
    case customersOfBody(Scope)
    /// An instance before enrolment. Its boot token opens one launch; the route checks it with what it
    /// stores.
    case instance
    /// An enrolled tenant, with its admin token.
    case tenant
    /// Stripe, by its signature over the raw body. The route checks it.
    case stripe
}
