#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the local cloud says about itself, unsigned, on loopback only: `GET /_localcloud/state`, and
/// `PUT /_localcloud/simulation`. Never a secret: no user-data, no tunnel secret, no command text.
struct OperatorRoutes: Sendable {
    static let prefix = "/_localcloud/"

    let fleet: Fleet
    let commands: Commands
    let tunnels: Tunnels
    let records: DNSRecords
    let connectors: Connectors
    /// nil with the docker driver.
    let simulated: SimulatedDriver?

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        guard call.source.hasPrefix("127.") || call.source == "::1" else { return .empty(404) }
        switch (call.method, call.path.dropFirst(Self.prefix.count)) {
        case ("GET", "state"): return .json(200, await state())
        case ("PUT", "simulation"): return await change(call.body)
        default: return .empty(404)
        }
    }

    private func change(_ body: [UInt8]) async -> HTTPAnswer {
        guard let simulated else { return .text(409, "these instances are not simulated\n") }
        guard let simulation = try? JSONDecoder().decode(Simulation.self, from: Data(body)) else {
            return .text(400, "not a simulation\n")
        }
        await simulated.change(simulation)
        return .empty(204)
    }

    private func state() async -> JSONValue {
        let tunnelList = await tunnels.living.map { tunnel in
            let up = connectors.of(tunnel.id)
            return [
                "id": .string(tunnel.id), "name": .string(tunnel.name),
                "hostnames": .array(tunnel.ingress.compactMap { $0.hostname.map { .string($0) } }),
                "connectors": .integer(up.count),
                "connections": .integer(up.reduce(0) { $0 + $1.connections.count }),
            ] as JSONValue
        }
        return [
            "instances": .array(await fleet.all.map(Self.describe)),
            "tunnels": .array(tunnelList),
            "records": .array(await records.all.map(\.description)),
            "commands": .array(
                await commands.invocations(command: nil, instance: nil).map {
                    [
                        "command_id": .string($0.command.id), "instance_id": .string($0.instance),
                        "status": .string($0.status.rawValue), "response_code": .integer($0.responseCode),
                    ]
                }),
        ]
    }

    private static func describe(_ instance: Instance) -> JSONValue {
        [
            "id": .string(instance.id), "state": .string(instance.state.name),
            "address": .string(instance.privateAddress), "type": .string(instance.type),
            "image": .string(instance.imageID), "client_token": .string(instance.clientToken ?? ""),
            "launched_at": .string(Timestamp.text(instance.launchedAt)),
            "tags": .object(instance.tags.mapValues { .string($0) }),
            "agent_registered": .bool(instance.agentRegisteredAt != nil),
        ]
    }
}
