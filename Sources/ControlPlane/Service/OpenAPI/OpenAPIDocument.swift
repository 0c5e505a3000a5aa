import AuditChain
import FoundationEssentials
import Hummingbird

/// The OpenAPI 3.1 document: the table of routes says which there are and who may call them, the nouns say
/// what they do.
struct OpenAPIDocument: Sendable {
    let value: AuditValue
    /// Routes of the table that no noun describes, and described ones that the table has not.
    let strays: [String]

    init(_ routes: [Route], _ nouns: [NounDescription]) {
        var described: [String: (noun: String, description: RouteDescription)] = [:]
        for noun in nouns { for route in noun.routes { described[route.route] = (noun.name, route) } }
        var paths: [String: [String: AuditValue]] = [:]
        var strays: [String] = []
        for route in routes {
            guard let (noun, description) = described.removeValue(forKey: route.name) else {
                strays.append(route.name)
                continue
            }
            paths[Self.template(route.path), default: [:]][route.method.rawValue.lowercased()] =
                OpenAPIOperation(route: route, noun: noun, description: description).value
        }
        self.strays = strays + described.keys.sorted()
        value = [
            "openapi": "3.1.0", "info": Self.info,
            "tags": .array(nouns.map { ["name": .string($0.name), "description": .string($0.meaning)] }),
            "paths": .object(paths.mapValues { .object($0) }),
            "components": [
                "schemas": .object(
                    nouns.reduce(into: ["Problem": Self.problem]) { all, noun in
                        all.merge(noun.schemas) { $1 }
                    }),
                "responses": ["Problem": Self.problemResponse],
                "securitySchemes": .object(CallerCredentials.schemes),
            ],
        ]
    }

    /// Keys sorted, indented: as it is served and as it is checked in.
    var text: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return ((try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "") + "\n"
    }

    private static let info: AuditValue = [
        "title": "Control plane", "version": "1",
        "description": """
        Provisions tenants, each on an instance of its own, and looks after them. Bodies are JSON of at most \
        1 MiB; an unknown member is refused. Every error is a problem document (RFC 9457) with a stable \
        `code`. Every answer carries `X-Request-Id`, under which the log and the audit log have the request.
        """,
    ]

    private static let problem = Shape.record(
        [
            "type": Shape.text(), "status": Shape.integer(400...599), "title": Shape.text(),
            "detail": Shape.text().described("What is wrong and what to do, for a person."),
            "code": Shape.text(pattern: "^[a-z0-9_]+$").described("What is wrong, for a program: stable."),
            "request_id": Shape.text(),
        ]
    ).described("RFC 9457. Some codes bring further members, all of them strings.")

    private static let problemResponse: AuditValue = [
        "description": "What is wrong and what to do.",
        "content": ["application/problem+json": ["schema": Shape.named("Problem")]],
    ]

    /// `/cp/orgs/:slug` as `/cp/orgs/{slug}`
    static func template(_ path: String) -> String {
        path.split(separator: "/", omittingEmptySubsequences: false)
            .map { $0.first == ":" ? "{\($0.dropFirst())}" : String($0) }.joined(separator: "/")
    }
}

extension Route {
    /// Method and path, as a description has them.
    package var name: String { "\(method.rawValue) \(path)" }

    /// Of the path.
    package var parameters: [String] {
        path.split(separator: "/").filter { $0.first == ":" }.map { String($0.dropFirst()) }
    }
}

extension Route {
    /// `GET /cp/openapi.json`: describes the others, and itself.
    static func openAPI(of others: [Route]) -> Route {
        func own(_ text: String) -> Route {
            .get("/cp/openapi.json", .anyone) { _, _ in
                Response(
                    status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-cache"],
                    body: .init(byteBuffer: ByteBuffer(string: text)))
            }
        }
        return own(OpenAPIDocument(others + [own("")], nounDescriptions).text)
    }
}
