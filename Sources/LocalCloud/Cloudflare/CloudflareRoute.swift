/// A call of the API by its stable name, with the place and the object that its path names.
struct CloudflareRoute: Sendable {
    enum Operation: String, Sendable {
        case createTunnel, listTunnels, showTunnel, deleteTunnel, tunnelToken
        case showConfiguration, putConfiguration, listConnections, deleteConnections
        case createRecord, listRecords, showRecord, patchRecord, putRecord, deleteRecord, batchRecords
    }

    static let prefix = "/client/v4/"

    let operation: Operation
    /// An account's id or a zone's.
    let place: String
    /// Of the tunnel or record; empty when the path names none.
    let id: String

    /// nil for what is no route.
    init?(_ call: HTTPCall) {
        guard call.path.hasPrefix(Self.prefix) else { return nil }
        let parts = call.path.dropFirst(Self.prefix.count).split(separator: "/").map(String.init)
        guard parts.count >= 3 else { return nil }
        let rest = Array(parts[3...])
        let found: Operation? =
            switch (parts[0], parts[2]) {
            case ("accounts", "cfd_tunnel"): Self.tunnel(call.method, rest)
            case ("zones", "dns_records"): Self.record(call.method, rest)
            default: nil
            }
        guard let found else { return nil }
        operation = found
        place = parts[1]
        id = rest.first ?? ""
    }

    private static func tunnel(_ method: String, _ rest: [String]) -> Operation? {
        switch (method, rest.count, rest.count > 1 ? rest[1] : "") {
        case ("POST", 0, _): .createTunnel
        case ("GET", 0, _): .listTunnels
        case ("GET", 1, _): .showTunnel
        case ("DELETE", 1, _): .deleteTunnel
        case ("GET", 2, "token"): .tunnelToken
        case ("GET", 2, "configurations"): .showConfiguration
        case ("PUT", 2, "configurations"): .putConfiguration
        case ("GET", 2, "connections"): .listConnections
        case ("DELETE", 2, "connections"): .deleteConnections
        default: nil
        }
    }

    private static func record(_ method: String, _ rest: [String]) -> Operation? {
        switch (method, rest.count, rest.first ?? "") {
        case ("POST", 0, _): .createRecord
        case ("GET", 0, _): .listRecords
        case ("POST", 1, "batch"): .batchRecords
        case ("GET", 1, _): .showRecord
        case ("PATCH", 1, _): .patchRecord
        case ("PUT", 1, _): .putRecord
        case ("DELETE", 1, _): .deleteRecord
        default: nil
        }
    }
}
