import Hummingbird

/// One URL of the service: who may call it, and what answers.
package struct Route: Sendable {
    package typealias Handler = @Sendable (Request, AppContext) async throws -> Response

    package let method: HTTPRequest.Method
    /// With its parameters, as `/cp/admin/orgs/:slug`.
    package let path: String
    let access: Access
    /// Whose limits it shares.
    var limitedAs: RouteClass
    let handler: Handler

    package init(method: HTTPRequest.Method, path: String, access: Access, handler: @escaping Handler) {
        self.method = method
        self.path = path
        self.access = access
        limitedAs = access.routeClass
        self.handler = handler
    }

    /// The same route among others than its access would put it.
    func limited(as routes: RouteClass) -> Route {
        var route = self
        route.limitedAs = routes
        return route
    }
}

extension Route {
    package static func get(_ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
        Route(method: .get, path: path, access: access, handler: handler)
    }

    static func post(_ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
        Route(method: .post, path: path, access: access, handler: handler)
    }

    static func put(_ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
        Route(method: .put, path: path, access: access, handler: handler)
    }

    static func patch(_ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
        Route(method: .patch, path: path, access: access, handler: handler)
    }

    static func delete(_ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
        Route(method: .delete, path: path, access: access, handler: handler)
    }
}

extension Router where Context == AppContext {
    /// The handler runs once the gate has let the caller in, and the limits leave room.
    package func on(_ route: Route, behind gate: Gate, within limits: RouteLimits) {
        on(RouterPath(route.path), method: route.method) { request, context in
            var context = context
            try limits.admitAddress(context, route)
            let admission = try await gate.admit(request, to: route.access, context)
            context.caller = admission.caller
            context.foundOrg = admission.org
            try limits.admitCredential(request, context, route)
            return try await route.handler(request, context)
        }
    }
}
