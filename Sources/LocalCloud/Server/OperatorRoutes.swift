#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the local cloud says about itself, unsigned, on loopback only, and what can be done to it behind
/// its callers' backs. Never a secret: no user-data, no tunnel secret, no command text.
struct OperatorRoutes: Sendable {
    static let prefix = "/_localcloud/"

    let fleet: Fleet
    let commands: Commands
    let places: CloudflarePlaces
    let connectors: Connectors
    /// nil with the docker driver.
    let simulated: SimulatedDriver?
    let stripe: StripeService
    let calls: ProviderCalls

    func answer(_ call: HTTPCall) async -> HTTPAnswer {
        guard call.source.hasPrefix("127.") || call.source == "::1" else { return .empty(404) }
        let parts = call.path.dropFirst(Self.prefix.count).split(separator: "/").map(String.init)
        switch (call.method, parts.first ?? "", parts.count) {
        case ("GET", "state", 1):
            return .json(200, await state(call.queryItem("tag"), call.queryItem("name")))
        case ("PUT", "simulation", 1): return await change(call.body)
        case ("GET", "faults", 1): return .json(200, calls.faults)
        case ("PUT", "faults", 1): return setFaults(call.body)
        case ("GET", "calls", 1): return .json(200, calls.trace)
        case ("DELETE", "calls", 1):
            calls.clear()
            return .empty(204)
        case ("PUT", "instances", 2): return await changeInstance(parts[1], call.body)
        case ("PUT", "records", 2), ("DELETE", "records", 2): return await changeRecord(parts[1], call)
        case ("DELETE", "tunnels", 2): return await deleteTunnel(parts[1])
        case (_, "stripe", _):
            return await stripe.operate(call.method, Array(parts.dropFirst()), call.body)
        default: return .empty(404)
        }
    }

    private func setFaults(_ body: [UInt8]) -> HTTPAnswer {
        do {
            calls.setRules(try FaultRules(parsing: body).rules)
            return .json(200, calls.faults)
        } catch {
            return .json(400, ["error": .string("\(error)")])
        }
    }

    // MARK: Behind the callers' backs

    /// `{"state":"stop|start|reboot|terminate|vanish|disconnect"}`, `{"agent":"offline|online"}` for its SSM
    /// agent, `{"type":"t3.large"}`, `{"image":"..."}`; answers when it is done.
    private func changeInstance(_ id: String, _ body: [UInt8]) async -> HTTPAnswer {
        guard let body = JSONValue(parsing: body) else { return .text(400, "not JSON\n") }
        guard let instance = await fleet.instance(id) else { return .empty(404) }
        if let type = body["type"]?.string { await fleet.setType(id, type) }
        switch body["agent"]?.string {
        case nil: break
        case "offline": await fleet.setAgent(id, isOnline: false)
        case "online": await fleet.setAgent(id, isOnline: true)
        case let other?: return .text(400, "unknown agent state \(other)\n")
        }
        if let image = body["image"]?.string { await simulated?.replaceImage(on: instance, with: image) }
        do {
            switch body["state"]?.string {
            case nil: break
            case "stop": _ = try await fleet.change(id, to: .stop)
            case "start": _ = try await fleet.change(id, to: .start)
            case "reboot": _ = try await fleet.change(id, to: .reboot)
            case "terminate": _ = try await fleet.change(id, to: .terminate)
            case "vanish": await fleet.forget(id)
            case "disconnect":
                guard let simulated else { return .text(409, "these instances are not simulated\n") }
                await simulated.disconnect(instance)
            case let other?: return .text(400, "unknown state \(other)\n")
            }
        } catch {
            return .text(409, "\(error)\n")
        }
        await fleet.settled(id)
        return .empty(204)
    }

    private func changeRecord(_ id: String, _ call: HTTPCall) async -> HTTPAnswer {
        let body = JSONValue(parsing: call.body) ?? [:]
        for records in places.zones.values where await records.all.contains(where: { $0.id == id }) {
            let done =
                call.method == "DELETE" ? try? await records.delete(id) : try? await records.patch(id, body)
            return .empty(done == nil ? 400 : 204)
        }
        return .empty(404)
    }

    private func deleteTunnel(_ id: String) async -> HTTPAnswer {
        for tunnels in places.accounts.values where (try? await tunnels.delete(id, cascade: true)) != nil {
            return .empty(204)
        }
        return .empty(404)
    }

    private func change(_ body: [UInt8]) async -> HTTPAnswer {
        guard let simulated else { return .text(409, "these instances are not simulated\n") }
        guard let simulation = try? JSONDecoder().decode(Simulation.self, from: Data(body)) else {
            return .text(400, "not a simulation\n")
        }
        await simulated.change(simulation)
        return .empty(204)
    }

    /// Thousands of tests leave thousands of things there.
    /// - Parameters:
    ///   - tag: only what carries a tag of this value, of what has tags; and the commands of such instances.
    ///   - part: only tunnels and records whose names have it.
    private func state(_ tag: String?, _ part: String?) async -> JSONValue {
        func isMeant(_ tags: [String: String]) -> Bool { tag.map(tags.values.contains) ?? true }
        func isMeant(_ name: String) -> Bool { part.map(name.contains) ?? true }
        let instances = await fleet.all.filter { isMeant($0.tags) }
        let ids = Set(instances.map(\.id))
        let tunnels = await places.livingTunnels.filter { isMeant($0.tunnel.name) }
        let tunnelList = tunnels.map { account, tunnel in
            let up = connectors.of(tunnel.id)
            return [
                "id": .string(tunnel.id), "account_id": .string(account), "name": .string(tunnel.name),
                "hostnames": .array(tunnel.ingress.compactMap { $0.hostname.map { .string($0) } }),
                "connectors": .integer(up.count),
                "connections": .integer(up.reduce(0) { $0 + $1.connections.count }),
            ] as JSONValue
        }
        let storage = await fleet.storage
        return [
            "instances": .array(await describe(instances)),
            "tunnels": .array(tunnelList),
            "volumes": .array(storage.visibleVolumes.filter { isMeant($0.tags) }.map(Self.describe)),
            "snapshots": .array(storage.visibleSnapshots.filter { isMeant($0.tags) }.map(Self.describe)),
            "records": .array(
                await places.records.filter { isMeant($0.record.name) }.map { zone, record in
                    var members = record.description.object ?? [:]
                    members["zone_id"] = .string(zone)
                    return .object(members)
                }),
            "commands": .array(
                await commands.visible.flatMap(\.invocations).filter { ids.contains($0.instance) }.map {
                    [
                        "command_id": .string($0.command.id), "instance_id": .string($0.instance),
                        "status": .string($0.state.status), "status_details": .string($0.state.details),
                        "response_code": .integer($0.responseCode),
                    ]
                }),
        ]
    }

    private func describe(_ instances: [Instance]) async -> [JSONValue] {
        var list: [JSONValue] = []
        for instance in instances {
            var members = Self.describe(instance)
            if let images = await simulated?.images(on: instance.id) {
                members["images"] = .object(images.mapValues { .string($0) })
            }
            if let status = await simulated?.orgStatus(on: instance.id) {
                members["org_status"] = .string(status)
            }
            list.append(.object(members))
        }
        return list
    }

    private static func describe(_ volume: Volume) -> JSONValue {
        [
            "id": .string(volume.id), "state": .string(volume.state),
            "instance": .string(volume.instanceID ?? ""), "size_gib": .integer(volume.sizeGiB),
            "device": .string(volume.deviceName), "encrypted": .bool(volume.encrypted),
            "snapshot": .string(volume.snapshotID ?? ""),
            "tags": .object(volume.tags.mapValues { .string($0) }),
        ]
    }

    private static func describe(_ snapshot: Snapshot) -> JSONValue {
        [
            "id": .string(snapshot.id), "state": .string(snapshot.state.rawValue),
            "volume": .string(snapshot.volumeID), "size_gib": .integer(snapshot.sizeGiB),
            "tags": .object(snapshot.tags.mapValues { .string($0) }),
        ]
    }

    private static func describe(_ instance: Instance) -> [String: JSONValue] {
        [
            "id": .string(instance.id), "state": .string(instance.state.name),
            "address": .string(instance.privateAddress), "type": .string(instance.type),
            "image": .string(instance.imageID), "client_token": .string(instance.clientToken ?? ""),
            "launched_at": .string(Timestamp.text(instance.launchedAt)),
            "tags": .object(instance.tags.mapValues { .string($0) }),
            "agent_registered": .bool(instance.agentRegisteredAt != nil),
            "agent": .string(instance.agentLostAt == nil ? "online" : "offline"),
        ]
    }
}
