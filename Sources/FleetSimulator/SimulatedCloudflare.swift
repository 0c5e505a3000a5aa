import CurlHTTP
import FoundationEssentials
import Providers
import Synchronization

/// Cloudflare's API for tunnels and DNS records: several accounts and zones, each with its limits, and a
/// rate limit for each API token. Source: Cloudflare API v4.
final class SimulatedCloudflare: Sendable {
    struct Tunnel: Sendable {
        var id: String
        var account: String
        var name: String
        var token: String
        /// Of its configuration.
        var hostname: String?
    }

    struct Record: Sendable {
        var id: String
        var zone: String
        var name: String
        var content: String
        var comment: String?
    }

    private struct State {
        var tunnels: [String: Tunnel] = [:]
        /// By account and name.
        var tunnelNames: [String: String] = [:]
        var tunnelCount: [String: Int] = [:]
        var records: [String: Record] = [:]
        /// By name.
        var recordNames: [String: [String]] = [:]
        var recordCount: [String: Int] = [:]
        var windows: [String: BlockingWindow] = [:]
        var created = 0
        var busiestAccount = 0
    }

    static let maximumTunnels = 1_000
    static let maximumRecords = 2_000

    private let state = Mutex(State())
    private let tally: Tally

    init(tally: Tally) { self.tally = tally }

    func handle(_ call: ProviderCall, at now: Int) -> HTTPResponse {
        let token = call.request.headers.first { $0.name == "Authorization" }?.value ?? ""
        if let seconds = state.withLock({ $0.windows[token, default: BlockingWindow()].refusal(at: now) }) {
            tally.add { $0.throttled[call.label, default: 0] += 1 }
            return Self.failure(429, 10_000, retryAfter: seconds)
        }
        // /client/v4/accounts/:account/cfd_tunnel/..., /client/v4/zones/:zone/dns_records/...
        let words = call.path.split(separator: "/").dropFirst(2).map(String.init)
        guard words.count >= 3 else { return Self.failure(404, 7_003) }
        let rest = Array(words.dropFirst(3))
        return state.withLock { state in
            switch (words[0], words[2]) {
            case ("accounts", "cfd_tunnel"): Self.tunnels(call, words[1], rest, &state)
            case ("zones", "dns_records"): Self.records(call, words[1], rest, &state)
            default: Self.failure(404, 7_003)
            }
        }
    }

    var allTunnels: [Tunnel] { state.withLock { $0.tunnels.values.sorted { $0.id < $1.id } } }
    var allRecords: [Record] { state.withLock { $0.records.values.sorted { $0.id < $1.id } } }

    /// The tunnel whose connector presents that token and that carries the hostname, if DNS leads there.
    func leads(_ hostname: String, toTunnelOf token: String) -> Bool {
        state.withLock { state in
            guard let id = state.recordNames[hostname]?.first, let record = state.records[id],
                let tunnel = state.tunnels[String(record.content.prefix { $0 != "." })]
            else { return false }
            return tunnel.token == token && tunnel.hostname == hostname
        }
    }
}

// MARK: Tunnels

extension SimulatedCloudflare {
    private struct TunnelView: Encodable { var id: String, name: String }
    private struct TunnelOrder: Decodable { var name: String }
    private struct Routing: Decodable {
        struct Content: Decodable {
            struct Rule: Decodable { var hostname: String? }
            var ingress: [Rule]
        }
        var config: Content
    }

    private static func tunnels(
        _ call: ProviderCall, _ account: String, _ rest: [String], _ state: inout State
    ) -> HTTPResponse {
        guard let id = rest.first else {
            if call.request.method == "POST" { return createTunnel(call, account, &state) }
            return list(call, account, &state)
        }
        guard let tunnel = state.tunnels[id], tunnel.account == account else { return failure(404, 1_003) }
        switch (call.request.method, rest.dropFirst().first) {
        case ("GET", "token"): return success(tunnel.token)
        case ("GET", nil): return success(TunnelView(id: id, name: tunnel.name))
        case ("GET", "connections"): return success([String]())
        case ("PUT", "configurations"):
            let routing = try? JSONDecoder().decode(Routing.self, from: Data(call.request.body))
            state.tunnels[id]?.hostname = routing?.config.ingress.first?.hostname
            return success(TunnelView(id: id, name: tunnel.name))
        case ("DELETE", "connections"): return success(TunnelView(id: id, name: tunnel.name))
        case ("DELETE", nil):
            state.tunnels[id] = nil
            state.tunnelNames["\(account)/\(tunnel.name)"] = nil
            state.tunnelCount[account, default: 0] -= 1
            return success(TunnelView(id: id, name: tunnel.name))
        default: return failure(405, 7_001)
        }
    }

    private static func list(_ call: ProviderCall, _ account: String, _ state: inout State) -> HTTPResponse {
        if let name = call.parameters["name"] {
            let found = state.tunnelNames["\(account)/\(name)"].flatMap { state.tunnels[$0] }
            return success(found.map { [TunnelView(id: $0.id, name: $0.name)] } ?? [])
        }
        let size = call.parameters["per_page"].flatMap(Int.init) ?? 20
        let page = call.parameters["page"].flatMap(Int.init) ?? 1
        let all = state.tunnels.values.filter { $0.account == account }.sorted { $0.id < $1.id }
        return success(
            all.dropFirst((page - 1) * size).prefix(size).map { TunnelView(id: $0.id, name: $0.name) })
    }

    private static func createTunnel(
        _ call: ProviderCall, _ account: String, _ state: inout State
    ) -> HTTPResponse {
        guard let order = try? JSONDecoder().decode(TunnelOrder.self, from: Data(call.request.body)) else {
            return failure(400, 1_002)
        }
        guard state.tunnelNames["\(account)/\(order.name)"] == nil else { return failure(409, 1_013) }
        guard state.tunnelCount[account, default: 0] < maximumTunnels else { return failure(400, 1_056) }
        let id = identity("7", &state)
        state.tunnels[id] = Tunnel(id: id, account: account, name: order.name, token: "connector-\(id)")
        state.tunnelNames["\(account)/\(order.name)"] = id
        state.tunnelCount[account, default: 0] += 1
        return success(TunnelView(id: id, name: order.name))
    }

    /// A UUID in form, in the order of creation.
    private static func identity(_ kind: String, _ state: inout State) -> String {
        state.created += 1
        let digits = String(state.created, radix: 16)
        return "0000000\(kind)-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
    }
}

// MARK: DNS records

extension SimulatedCloudflare {
    private struct RecordView: Encodable {
        var id: String
        var name: String
        var content: String
        var comment: String?
        var type = "CNAME"
    }
    private struct RecordOrder: Decodable {
        var name: String
        var content: String
        var comment: String?
    }
    private struct Removed: Encodable { var id: String }

    private static func records(
        _ call: ProviderCall, _ zone: String, _ rest: [String], _ state: inout State
    ) -> HTTPResponse {
        if let id = rest.first {
            guard let record = state.records[id], record.zone == zone else { return failure(404, 81_044) }
            guard call.request.method == "DELETE" else { return success(view(record)) }
            state.records[id] = nil
            state.recordNames[record.name]?.removeAll { $0 == id }
            state.recordCount[zone, default: 0] -= 1
            return success(Removed(id: id))
        }
        if call.request.method == "POST" { return createRecord(call, zone, &state) }
        let found: [Record]
        if let name = call.parameters["name"] {
            found = (state.recordNames[name] ?? []).compactMap { state.records[$0] }.filter {
                $0.zone == zone
            }
        } else {
            let size = call.parameters["per_page"].flatMap(Int.init) ?? 100
            let page = call.parameters["page"].flatMap(Int.init) ?? 1
            let all = state.records.values.filter { $0.zone == zone }.sorted { $0.id < $1.id }
            found = Array(all.dropFirst((page - 1) * size).prefix(size))
        }
        return success(found.map(view))
    }

    private static func createRecord(
        _ call: ProviderCall, _ zone: String, _ state: inout State
    ) -> HTTPResponse {
        guard let order = try? JSONDecoder().decode(RecordOrder.self, from: Data(call.request.body)) else {
            return failure(400, 9_005)
        }
        guard (state.recordNames[order.name] ?? []).isEmpty else { return failure(400, 81_053) }
        guard state.recordCount[zone, default: 0] < maximumRecords else { return failure(400, 81_045) }
        let id = identity("d", &state)
        let record = Record(
            id: id, zone: zone, name: order.name, content: order.content, comment: order.comment)
        state.records[id] = record
        state.recordNames[order.name, default: []].append(id)
        state.recordCount[zone, default: 0] += 1
        return success(view(record))
    }

    private static func view(_ record: Record) -> RecordView {
        RecordView(id: record.id, name: record.name, content: record.content, comment: record.comment)
    }
}

// MARK: The envelope

extension SimulatedCloudflare {
    private struct Envelope<Result: Encodable>: Encodable {
        var success = true
        var errors: [String] = []
        var messages: [String] = []
        var result: Result
    }

    private static func success(_ result: some Encodable) -> HTTPResponse {
        let body = (try? JSONEncoder().encode(Envelope(result: result))) ?? Data()
        return HTTPResponse(status: 200, headers: [HTTPField("cf-ray", "simulated")], body: Array(body))
    }

    static func failure(_ status: Int, _ code: Int, retryAfter: Int? = nil) -> HTTPResponse {
        .text(
            status,
            #"{"success":false,"errors":[{"code":\#(code),"message":"simulated"}],"result":null}"#,
            retryAfter.map { [HTTPField("Retry-After", "\($0)")] } ?? [])
    }
}
