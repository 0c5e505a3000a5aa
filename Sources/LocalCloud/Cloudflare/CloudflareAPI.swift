import Arithmetic

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An error as Cloudflare's API v4 gives it.
struct CloudflareError: Error, Sendable {
    var code: Int
    var message: String
    var status: Int
    var headers: [(name: String, value: String)] = []

    init(_ code: Int, _ message: String, status: Int, headers: [(name: String, value: String)] = []) {
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers
    }

    static let noRoute = CloudflareError(7000, "No route for that URI", status: 400)
    static let internalError = CloudflareError(10001, "Internal error", status: 500)
    static let badBody = CloudflareError(6007, "Malformed JSON in request body", status: 400)

    /// - Parameter seconds: said in Retry-After.
    static func tooManyRequests(retryAfter seconds: Int) -> CloudflareError {
        CloudflareError(
            971, "Please wait and consider throttling your request speed", status: 429,
            headers: [("retry-after", String(max(1, seconds)))])
    }
}

/// One page of a list, or one object: what goes into the envelope's `result`.
struct CloudflareResult: Sendable {
    var value: JSONValue
    var page: Page?

    struct Page: Sendable {
        var number: Int
        var size: Int
        var total: Int
    }

    init(_ value: JSONValue) { self.value = value }

    /// The asked page of the rows. Source: API v4, "Pagination".
    init(page rows: [JSONValue], _ call: HTTPCall, largestSize: Int) throws {
        let number = call.queryItem("page").flatMap { Int($0) } ?? 1
        let size = call.queryItem("per_page").flatMap { Int($0) } ?? 100
        guard number >= 1, (1...largestSize).contains(size) else {
            throw CloudflareError(1004, "Invalid page or per_page", status: 400)
        }
        let first = min(rows.count, (number - 1) *| size)
        value = .array(Array(rows[first..<min(rows.count, first + size)]))
        page = Page(number: number, size: size, total: rows.count)
    }
}

/// `/client/v4`: tunnels of the accounts, DNS records of the zones.
struct CloudflareAPI: Sendable {
    let settings: Settings.CloudflareSettings
    let places: CloudflarePlaces
    let limit: RateLimit
    let gate: CallGate

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        let route = CloudflareRoute(call)
        var answer = await gate.answer(
            call, service: "cloudflare", operation: route?.operation.rawValue ?? "unknown",
            refusals: Self.refusals
        ) { await perform(call, route) }
        answer.headers.append(("cf-ray", ResourceID.hexadecimal(16) + "-LOC"))
        return answer
    }

    private func perform(_ call: HTTPCall, _ route: CloudflareRoute?) async -> HTTPAnswer {
        do {
            try authenticate(call)
            try limit.admit()
            guard let route else { throw CloudflareError.noRoute }
            return Self.envelope(try await perform(call, route))
        } catch let error as CloudflareError {
            return Self.envelope(error)
        } catch {
            return Self.envelope(.internalError)
        }
    }

    private static let unavailable = envelope(
        CloudflareError(10013, "Service temporarily unavailable", status: 503))
    private static let refusals = CallGate.Refusals(
        internalError: envelope(.internalError), unavailable: unavailable,
        throttled: { envelope(.tooManyRequests(retryAfter: Int($0))) }, noCapacity: unavailable)

    private func authenticate(_ call: HTTPCall) throws {
        guard let header = call.header("authorization") else {
            throw CloudflareError(
                9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers", status: 400)
        }
        guard header.hasPrefix("Bearer ") else {
            throw CloudflareError(6003, "Invalid request headers", status: 400)
        }
        guard header.dropFirst("Bearer ".count) == settings.apiToken else {
            throw CloudflareError(9109, "Invalid access token", status: 403)
        }
    }

    private func perform(_ call: HTTPCall, _ route: CloudflareRoute) async throws -> CloudflareResult {
        let id = route.id
        switch route.operation {
        case .createTunnel: return .init(try await tunnels(route).create(try Self.object(call)))
        case .listTunnels:
            return try .init(page: try await tunnels(route).list(call), call, largestSize: 1000)
        case .showTunnel: return .init(try await tunnels(route).show(id))
        case .deleteTunnel:
            let cascade = call.queryItem("cascade") == "true"
            return .init(try await tunnels(route).delete(id, cascade: cascade))
        case .tunnelToken: return .init(.string(try await tunnels(route).token(id)))
        case .showConfiguration: return .init(try await tunnels(route).configuration(id))
        case .putConfiguration:
            return .init(try await tunnels(route).configure(id, try Self.object(call)))
        case .listConnections: return .init(try await tunnels(route).connections(id))
        case .deleteConnections: return .init(try await tunnels(route).disconnect(id))
        case .createRecord: return .init(try await records(route).create(try Self.object(call)))
        case .listRecords:
            return try .init(page: try await records(route).list(call), call, largestSize: 5_000_000)
        case .showRecord: return .init(try await records(route).show(id))
        case .patchRecord: return .init(try await records(route).patch(id, try Self.object(call)))
        case .putRecord: return .init(try await records(route).replace(id, try Self.object(call)))
        case .deleteRecord: return .init(try await records(route).delete(id))
        case .batchRecords: return .init(try await records(route).batch(try Self.object(call)))
        }
    }

    private func tunnels(_ route: CloudflareRoute) throws -> Tunnels {
        guard let tunnels = places.accounts[route.place] else {
            throw CloudflareError(10000, "Authentication error", status: 403)
        }
        return tunnels
    }

    private func records(_ route: CloudflareRoute) throws -> DNSRecords {
        guard let records = places.zones[route.place] else {
            throw CloudflareError(
                7003, "Could not route to /zones/\(route.place), perhaps your object identifier is invalid?",
                status: 404)
        }
        return records
    }

    private static func object(_ call: HTTPCall) throws -> JSONValue {
        guard let body = JSONValue(parsing: call.body), body.object != nil else {
            throw CloudflareError.badBody
        }
        return body
    }

    private static func envelope(_ result: CloudflareResult) -> HTTPAnswer {
        var members: [String: JSONValue] = [
            "success": true, "errors": [], "messages": [], "result": result.value,
        ]
        if let page = result.page {
            members["result_info"] = [
                "page": .integer(page.number), "per_page": .integer(page.size),
                "count": .integer(result.value.array?.count ?? 0), "total_count": .integer(page.total),
                "total_pages": .integer((page.total + page.size - 1) / page.size),
            ]
        }
        return .json(200, .object(members))
    }

    private static func envelope(_ error: CloudflareError) -> HTTPAnswer {
        var answer = HTTPAnswer.json(
            error.status,
            [
                "success": false, "messages": [], "result": nil,
                "errors": [["code": .integer(error.code), "message": .string(error.message)]],
            ])
        answer.headers = error.headers
        return answer
    }
}
