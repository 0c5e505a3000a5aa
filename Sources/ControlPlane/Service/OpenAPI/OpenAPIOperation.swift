import AuditChain
import Organisations

/// One method of one path, as OpenAPI has it.
struct OpenAPIOperation {
    let route: Route
    let noun: String
    let description: RouteDescription

    var value: AuditValue {
        var members: [String: AuditValue] = [
            "operationId": .string(operationID), "summary": .string(description.summary),
            "tags": [.string(noun)], "security": CallerCredentials.requirement(of: route.access),
            "responses": .object(responses),
        ]
        let text = [description.detail, CallerCredentials.words(for: route.access)].compactMap { $0 }
        members["description"] = .string(text.joined(separator: " "))
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        if let body = description.body {
            members["requestBody"] = [
                "required": .bool(!description.isBodyOptional),
                "content": ["application/json": ["schema": body]],
            ]
        }
        return .object(members)
    }

    /// `getCpOrgsSlug`
    private var operationID: String {
        let words = route.path.split { !$0.isLetter && !$0.isNumber }
        return route.method.rawValue.lowercased()
            + words.map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private var parameters: [AuditValue] {
        let path = route.parameters.map { name -> AuditValue in
            ["name": .string(name), "in": "path", "required": true, "schema": Self.schema(ofPath: name)]
        }
        let query = description.query.map { parameter -> AuditValue in
            [
                "name": .string(parameter.name), "in": "query", "schema": parameter.schema,
                "description": .string(parameter.meaning),
            ]
        }
        return path + query
    }

    private static func schema(ofPath name: String) -> Schema {
        switch name {
        case "slug": Shape.slug
        case "name": Shape.text(pattern: "^[a-z][a-z0-9-]{0,31}$")
        default: Shape.text(1...255)
        }
    }

    // MARK: Answers

    private var responses: [String: AuditValue] {
        var responses: [String: AuditValue] = [:]
        for answer in description.answers {
            var members: [String: AuditValue] = ["description": .string(answer.meaning)]
            if let schema = answer.schema {
                var content: [String: AuditValue] = [answer.contentType: ["schema": schema]]
                if let text = answer.textType { content[text] = ["schema": ["type": "string"]] }
                members["content"] = .object(content)
            }
            responses["\(answer.status)"] = .object(members)
        }
        let problems = commonProblems.merging(description.problems) { "\($0) \($1)" }
        for (status, meaning) in problems {
            responses["\(status)"] = [
                "description": .string(meaning),
                "content": ["application/problem+json": ["schema": Shape.named("Problem")]],
            ]
        }
        responses["default"] = ["$ref": "#/components/responses/Problem"]
        return responses
    }

    /// What follows from who may call and what is sent.
    private var commonProblems: [Int: String] {
        var problems: [Int: String] = [:]
        if description.body != nil || !description.query.isEmpty || !route.parameters.isEmpty {
            problems[400] = "Something that was sent is not allowed: `code` and `field` say what."
        }
        if description.body != nil { problems[413] = "`body_too_large`" }
        if !route.parameters.isEmpty { problems[404] = "There is no such thing, or not for this caller." }
        switch route.access {
        case .anyone, .stripe: break
        case .operators: problems[403] = "`role_missing`: an operator of another role may."
        case .customers, .customersOfBody:
            problems[403] = "`scope_missing`: the credential or the member's role does not carry it."
        default: problems[403] = "The credential is right, and this is not allowed to it."
        }
        if route.access != .anyone { problems[401] = "`unauthenticated`: the credential opens nothing here." }
        problems[429] = "Too many requests: `Retry-After` says how many seconds to wait."
        return problems
    }
}

/// The credentials of the five kinds of caller.
enum CallerCredentials {
    static let schemes: [String: AuditValue] = [
        "operator": bearer("The environment's token, or a named operator's."),
        "partnerKey": bearer("`mol_pk_live_...`: a partner's key, with its scopes."),
        "orgToken": bearer("An organisation's own token, with its scopes."),
        "tenant": bearer("The tenant's admin token, together with its organisation's id."),
        "bootToken": bearer("The boot token of one launch, together with its organisation's id."),
        "orgID": [
            "type": "apiKey", "in": "header", "name": "X-Molecule-Org-Id",
            "description": "The organisation that the token belongs to.",
        ],
        "stripe": [
            "type": "apiKey", "in": "header", "name": "Stripe-Signature",
            "description": "HMAC-SHA256 over the time and the raw body, under the endpoint's secret.",
        ],
        "session": [
            "type": "apiKey", "in": "cookie", "name": "__Host-session",
            "description":
                "A browser's session, from signing in. A change comes from a page of the platform.",
        ],
    ]

    private static func bearer(_ meaning: String) -> AuditValue {
        ["type": "http", "scheme": "bearer", "description": .string(meaning)]
    }

    static func requirement(of access: Access) -> AuditValue {
        switch access {
        case .anyone: []
        case .operators(let role): [["operator": [.string(role.rawValue)]]]
        case .user: [["session": []]]
        case .customers(let scope), .customersOfBody(let scope):
            [
                ["session": [.string(scope.rawValue)]], ["partnerKey": [.string(scope.rawValue)]],
                ["orgToken": [.string(scope.rawValue)]],
            ]
        case .instance: [["bootToken": [], "orgID": []]]
        case .tenant: [["tenant": [], "orgID": []]]
        case .stripe: [["stripe": []]]
        }
    }

    static func words(for access: Access) -> String? {
        switch access {
        case .anyone: nil
        case .operators(let role): "For operators with the role `\(role.rawValue)`."
        case .user: "For whoever is signed in."
        case .customers(let scope), .customersOfBody(let scope):
            "For customers with the scope `\(scope.rawValue)`."
        case .instance: "For an instance."
        case .tenant: "For an enrolled tenant."
        case .stripe: "For Stripe."
        }
    }
}
