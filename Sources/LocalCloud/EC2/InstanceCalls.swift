#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension EC2Service {
    func runInstances(_ parameters: QueryParameters) async throws -> Content {
        let request = try LaunchRequest(parameters, network: await fleet.network)
        try throttle.admitResources("RunInstances", count: request.count)
        try refuseDryRun(parameters)
        let instances = try await fleet.run(request)
        return { [accountID] xml in
            xml.reservation(instances, owner: accountID)
        }
    }

    func describeInstances(_ parameters: QueryParameters) async throws -> Content {
        let ids = parameters.list("InstanceId")
        let candidates = try await instances(ids)
        let filters = try Filters(parameters)
        let page = try Page(parameters, ids: ids, candidates.filter { try filters.match($0) }, by: \.ordinal)
        let reservations = Self.grouped(page.elements)
        return { [accountID] xml in
            xml.list("reservationSet", reservations) { $0.reservation($1, owner: accountID) }
            xml.nextToken(page.nextToken)
        }
    }

    /// The named instances, or all which a read sees.
    private func instances(_ ids: [String]) async throws -> [Instance] {
        guard !ids.isEmpty else { return await fleet.allVisible }
        var found: [Instance] = []
        var missing: [String] = []
        for id in ids {
            try Self.checkForm(id)
            if let instance = await fleet.visible(id) { found.append(instance) } else { missing.append(id) }
        }
        guard missing.isEmpty else { throw Fleet.notFound(missing) }
        return found.sorted { $0.ordinal < $1.ordinal }
    }

    static func checkForm(_ id: String) throws {
        guard ResourceID.isWellFormed(id, "i") else {
            throw AWSError("InvalidInstanceID.Malformed", "Invalid id: \"\(id)\"")
        }
    }

    private static func grouped(_ instances: [Instance]) -> [[Instance]] {
        var groups: [[Instance]] = []
        for instance in instances {
            if groups.last?.first?.reservationID == instance.reservationID {
                groups[groups.count - 1].append(instance)
            } else {
                groups.append([instance])
            }
        }
        return groups
    }

    func describeInstanceStatus(_ parameters: QueryParameters) async throws -> Content {
        let includeAll = try parameters.boolean("IncludeAllInstances") ?? false
        let filters = try Filters(parameters)
        let instances = try await instances(parameters.list("InstanceId")).filter {
            try (includeAll || $0.state == .running) && filters.match($0)
        }
        return { xml in
            xml.list("instanceStatusSet", instances) { item, instance in
                item.element("instanceId", instance.id)
                item.element("availabilityZone", instance.zone)
                item.state("instanceState", instance.state)
                let status = instance.state == .running ? "ok" : "not-applicable"
                item.element("systemStatus") { $0.element("status", status) }
                item.element("instanceStatus") { $0.element("status", status) }
            }
        }
    }

    func change(_ parameters: QueryParameters, _ transition: Transition) async throws -> Content {
        let ids = parameters.list("InstanceId")
        guard !ids.isEmpty else { throw AWSError.missing("InstanceId") }
        if transition == .terminate { try throttle.admitResources("TerminateInstances", count: ids.count) }
        _ = try await instances(ids)
        try refuseDryRun(parameters)
        var changes: [(id: String, before: InstanceState, after: InstanceState)] = []
        for id in ids {
            let change = try await fleet.change(id, to: transition)
            changes.append((id, change.before, change.after))
        }
        return { [changes] xml in
            xml.list("instancesSet", changes) { item, change in
                item.element("instanceId", change.id)
                item.state("currentState", change.after)
                item.state("previousState", change.before)
            }
        }
    }

    func reboot(_ parameters: QueryParameters) async throws -> Content {
        _ = try await change(parameters, .reboot)
        return { $0.element("return", true) }
    }

    func consoleOutput(_ parameters: QueryParameters) async throws -> Content {
        let id = try parameters.required("InstanceId")
        let instance = try await instances([id])[0]
        let text: String
        if let last = instance.lastConsole {
            text = last
        } else {
            text = await fleet.driver.console(instance)
        }
        return { xml in
            xml.element("instanceId", id)
            xml.element("timestamp", Timestamp.text(Date()))
            xml.element("output", Data(text.utf8.suffix(Self.maximumConsoleBytes)).base64EncodedString())
        }
    }

    /// EC2 keeps the most recent 64 KB of console output.
    static let maximumConsoleBytes = 64 * 1024

    private func refuseDryRun(_ parameters: QueryParameters) throws {
        guard try parameters.boolean("DryRun") == true else { return }
        throw AWSError(
            "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status: 412)
    }
}

/// EC2's dates: UTC, milliseconds.
enum Timestamp {
    static func text(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
