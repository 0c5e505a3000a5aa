import Hummingbird

/// One URL of the service: who may call it, and what answers.
struct Route: Sendable {
    typealias Handler = @Sendable (Request, AppContext) async throws -> Response

    let method: HTTPRequest.Method
    /// With its parameters, as `/cp/admin/orgs/:slug`.
    let path: String
    let access: Access
    let handler: Handler
}

extension Route {
    static func get(_ path: String, _ access: Access, _ handler: @escaping Handler) -> Route {
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
    /// The handler runs once the gate has let the caller in.
    func on(_ route: Route, behind gate: Gate) {
        on(RouterPath(route.path), method: route.method) { request, context in
            var context = context
            let admission = try await gate.admit(request, to: route.access, context)
            context.caller = admission.caller
            context.foundOrg = admission.org
            return try await route.handler(request, context)
        }
    }
}
