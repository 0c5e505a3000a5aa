import AuditChain
import Foundation
import TestSupport
import Testing

@testable import Billing
@testable import FleetSimulator
@testable import Organisations
@testable import Providers
@testable import Service
@testable import WireText

/// The OpenAPI document against the table of routes.
@Suite struct OpenAPITests {
    /// Without an identity provider the routes of browsers are not there, and without Stripe not those of
    /// money.
    private static let oidc = [
        "OIDC_ISSUER": "http://127.0.0.1:9", "OIDC_CLIENT_ID": "id", "OIDC_CLIENT_SECRET": "secret",
        "STRIPE_API_URL": "http://127.0.0.1:9", "STRIPE_SECRET_KEY": "rk_test_key",
        "STRIPE_WEBHOOK_SECRETS": "whsec_secret",
    ]
    private static let file = "\(packageRoot)/docs/openapi.json"

    private static func document(
        _ body: @Sendable @escaping ([Route], OpenAPIDocument, String) async throws -> Void
    ) async throws {
        try await TestService.run(Self.oidc) { service in
            let table = routes(service.platform)
            let served = try await service.text("/cp/openapi.json")
            try await body(table, OpenAPIDocument(table, nounDescriptions), served)
        }
    }

    @Test func everyRouteIsDescribedAndTheCheckedInDocumentIsTheServedOne() async throws {
        try await Self.document { table, document, served in
            #expect(
                document.strays == [],
                "describe these in Sources/ControlPlane/Service/OpenAPI, or take them away")
            #expect(served == document.text)
            if ProcessInfo.processInfo.environment["OPENAPI_UPDATE"] == "yes" {
                try Data(served.utf8).write(to: URL(filePath: Self.file))
            }
            let kept = try String(contentsOfFile: Self.file, encoding: .utf8)
            let isCurrent = kept == served
            #expect(isCurrent, "docs/openapi.json is not what is served: OPENAPI_UPDATE=yes writes it anew")
            print("openapi: \(table.count) operations")
        }
    }

    /// Read back from the served text: paths, methods and who may call.
    @Test func pathsMethodsAndCredentialsAgreeWithTheTable() async throws {
        try await Self.document { table, _, served in
            let json = try JSONDecoder().decode([String: JSONValue].self, from: Data(served.utf8))
            let paths = try #require(json["paths"]?.object)
            var told: Set<String> = []
            for (path, methods) in paths {
                for method in methods.object?.keys.sorted() ?? [] { told.insert("\(method) \(path)") }
            }
            let meant = Set(
                table.map { "\($0.method.rawValue.lowercased()) \(OpenAPIDocument.template($0.path))" })
            #expect(told == meant)
            for route in table {
                let operation = try #require(
                    paths[OpenAPIDocument.template(route.path)]?.object?[route.method.rawValue.lowercased()]?
                        .object)
                let schemes = operation["security"]?.array?.map { Set(($0.object ?? [:]).keys) }
                #expect(schemes == Self.schemes(of: route.access), "\(route.name)")
                #expect(operation["summary"]?.string?.isEmpty == false)
                let answers = (operation["responses"]?.object ?? [:]).keys
                #expect(answers.contains { $0.hasPrefix("2") || $0.hasPrefix("3") }, "\(route.name)")
                #expect(answers.contains("default") && answers.contains("429"))
                #expect(answers.contains("401") == (route.access != .anyone), "\(route.name)")
            }
        }
    }

    private static func schemes(of access: Access) -> [Set<String>] {
        switch access {
        case .anyone: []
        case .operators: [["operator"]]
        case .user: [["session"]]
        case .customers, .customersOfBody: [["session"], ["partnerKey"], ["orgToken"]]
        case .instance: [["bootToken", "orgID"]]
        case .tenant: [["tenant", "orgID"]]
        case .stripe: [["stripe"]]
        }
    }

    @Test func everyReferenceLeadsSomewhereAndNoNameIsUsedTwice() async throws {
        try await Self.document { table, document, served in
            guard case .object(let root) = document.value, case .object(let components)? = root["components"],
                case .object(let schemas)? = components["schemas"]
            else { throw TestSupportError("no components") }
            let references = Set(
                served.matches(of: /#\/components\/schemas\/([A-Za-z]+)/).map { String($0.1) })
            #expect(references.subtracting(schemas.keys).isEmpty)
            #expect(Set(schemas.keys).subtracting(references).isEmpty, "schemas that nothing refers to")
            let ids = served.matches(of: /"operationId" : "([A-Za-z]+)"/).map { String($0.1) }
            #expect(ids.count == table.count && Set(ids).count == ids.count)
            print("openapi: \(schemas.count) schemas, \(references.count) referred to")
        }
    }
}

extension TestService {
    /// The body of a public route.
    func text(_ path: String) async throws -> String {
        let response = try await platform.http.send(.init("GET", url + path))
        #expect(response.status == 200)
        return response.text
    }
}
