/// Routes that are asked for the same ends, and share their limits.
package enum RouteClass: String, Sendable, Hashable, CaseIterable {
    /// Whether the service lives: a load balancer's, at its own pace.
    case probe
    /// No credential: what an edge worker or a page reads.
    case open = "public"
    /// The way of a browser to a session.
    case signIn = "sign_in"
    /// A browser's session, without an organisation.
    case user
    /// Makes a new organisation.
    case signUp = "sign_up"
    case customers
    case operators
    /// Boot stages. Many instances may share one address.
    case boot
    /// An instance on its way to its credentials.
    case enrolment
    case tenant
    /// Calls of other services, which sign what they send.
    case webhook
}

extension Access {
    /// Where the table of routes says nothing else.
    var routeClass: RouteClass {
        switch self {
        case .anyone: .open
        case .operators: .operators
        case .user: .user
        case .customers, .customersOfBody: .customers
        case .instance: .enrolment
        case .tenant: .tenant
        case .stripe: .webhook
        }
    }
}
