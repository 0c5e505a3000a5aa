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
    static let badBody = CloudflareError(6007, "Malformed JSON in request body", status: 400)
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
    init(page rows: [JSONValue], _ call: HTTPCall, defaultSize: Int = 100) throws {
        let number = call.queryItem("page").flatMap { Int($0) } ?? 1
        let size = call.queryItem("per_page").flatMap { Int($0) } ?? defaultSize
        guard number >= 1, (1...5_000_000).contains(size) else {
            throw CloudflareError(1004, "Invalid page or per_page", status: 400)
        }
        let first = min(rows.count, (number - 1) * size)
        value = .array(Array(rows[first..<min(rows.count, first + size)]))
        page = Page(number: number, size: size, total: rows.count)
    }
}

/// `/client/v4`: tunnels of one account, DNS records of one zone.
struct CloudflareAPI: Sendable {
    static let prefix = "/client/v4/"

    let settings: Settings.CloudflareSettings
    let tunnels: Tunnels
    let records: DNSRecords
    let limit: RateLimit

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        do {
            try authenticate(call)
            try limit.admit()
            let result = try await route(call)
            return Self.envelope(result)
        } catch let error as CloudflareError {
            return Self.envelope(error)
        } catch {
            return Self.envelope(CloudflareError(10001, "Internal error", status: 500))
        }
    }

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

    private func route(_ call: HTTPCall) async throws -> CloudflareResult {
        guard call.path.hasPrefix(Self.prefix) else { throw CloudflareError.noRoute }
        let parts = call.path.dropFirst(Self.prefix.count).split(separator: "/").map(String.init)
        guard parts.count >= 3 else { throw CloudflareError.noRoute }
        let rest = Array(parts[3...])
        switch (parts[0], parts[2]) {
        case ("accounts", "cfd_tunnel"):
            guard parts[1] == settings.accountID else {
                throw CloudflareError(10000, "Authentication error", status: 403)
            }
            return try await tunnel(call, rest)
        case ("zones", "dns_records"):
            guard parts[1] == settings.zoneID else {
                throw CloudflareError(
                    7003, "Could not route to /zones/\(parts[1]), perhaps your object identifier is invalid?",
                    status: 404)
            }
            return try await dns(call, rest)
        default: throw CloudflareError.noRoute
        }
    }

    private func tunnel(_ call: HTTPCall, _ rest: [String]) async throws -> CloudflareResult {
        let id = rest.first ?? ""
        switch (call.method, rest.count, rest.count > 1 ? rest[1] : "") {
        case ("POST", 0, _): return .init(try await tunnels.create(try Self.object(call)))
        case ("GET", 0, _): return try .init(page: try await tunnels.list(call), call)
        case ("GET", 1, _): return .init(try await tunnels.show(id))
        case ("DELETE", 1, _):
            return .init(try await tunnels.delete(id, cascade: call.queryItem("cascade") == "true"))
        case ("GET", 2, "token"): return .init(.string(try await tunnels.token(id)))
        case ("GET", 2, "configurations"): return .init(try await tunnels.configuration(id))
        case ("PUT", 2, "configurations"):
            return .init(try await tunnels.configure(id, try Self.object(call)))
        case ("GET", 2, "connections"): return .init(try await tunnels.connections(id))
        case ("DELETE", 2, "connections"): return .init(try await tunnels.disconnect(id))
        default: throw CloudflareError.noRoute
        }
    }

    private func dns(_ call: HTTPCall, _ rest: [String]) async throws -> CloudflareResult {
        switch (call.method, rest.count, rest.first ?? "") {
        case ("POST", 0, _): .init(try await records.create(try Self.object(call)))
        case ("GET", 0, _): try .init(page: try await records.list(call), call)
        case ("POST", 1, "batch"): .init(try await records.batch(try Self.object(call)))
        case ("GET", 1, let id): .init(try await records.show(id))
        case ("PATCH", 1, let id): .init(try await records.patch(id, try Self.object(call)))
        case ("PUT", 1, let id): .init(try await records.replace(id, try Self.object(call)))
        case ("DELETE", 1, let id): .init(try await records.delete(id))
        default: throw CloudflareError.noRoute
        }
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
