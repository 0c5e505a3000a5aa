import CurlHTTP
import Fleet
import Foundation
import Synchronization

/// EC2's Query API with its limits: requests by ClientToken, states that take time, what is hidden at first.
/// Source: Amazon EC2 API Reference, "Request throttling" and "Ensuring idempotency".
final class SimulatedEC2: Sendable {
    struct Instance: Sendable {
        var id: String
        var clientToken: String
        /// As posted: the same token with another is refused.
        var parameters: String
        var tags: [String: String]
        var privateIP: String
        /// Microseconds.
        var launchedAt: Int
        var visibleAt: Int
        var runningAt: Int
        var terminatedAt: Int?
        /// base64 of what boots.
        var userData: String

        var orgID: String { tags[ResourceTag.org] ?? "" }
        var slug: String { tags[ResourceTag.slug] ?? "" }
        var isLiving: Bool { terminatedAt == nil }
    }

    private struct State {
        var instances: [String: Instance] = [:]
        var byToken: [String: String] = [:]
        var byOrg: [String: [String]] = [:]
        var buckets: [String: TokenBucket] = [
            "RunInstances": TokenBucket(capacity: 5, perSecond: 2),
            "RunInstances/instances": TokenBucket(capacity: 1_000, perSecond: 2),
            "TerminateInstances": TokenBucket(capacity: 100, perSecond: 5),
            "TerminateInstances/instances": TokenBucket(capacity: 1_000, perSecond: 20),
            "Describe": TokenBucket(capacity: 100, perSecond: 20),
            "CreateTags": TokenBucket(capacity: 100, perSecond: 10),
            "Other": TokenBucket(capacity: 50, perSecond: 5),
        ]
    }

    /// From launch to `running`, and from the call to `terminated`.
    static let pending: (Duration, Duration) = (.seconds(4), .seconds(15))
    static let shuttingDownMicroseconds = 20_000_000

    private let state = Mutex(State())
    private let dice: Dice
    private let hidden: Duration
    private let tally: Tally
    /// Told of every instance that is launched.
    private let launched: @Sendable (Instance) -> Void

    init(
        seed: UInt64, hidden: Duration, tally: Tally, launched: @escaping @Sendable (Instance) -> Void
    ) {
        dice = Dice(seed: seed, "ec2")
        self.hidden = hidden
        self.tally = tally
        self.launched = launched
    }

    func handle(_ call: ProviderCall, at now: Int) -> HTTPResponse {
        guard admits(call.operation, now) else {
            tally.add { $0.throttled[call.label, default: 0] += 1 }
            return Self.refusal(503, "RequestLimitExceeded")
        }
        switch call.operation {
        case "RunInstances": return run(call, now)
        case "DescribeInstances": return describe(call, now)
        case "TerminateInstances": return terminate(call, now)
        case "GetConsoleOutput":
            let output = Data("simulated console\n".utf8).base64EncodedString()
            return Self.answer(call.operation, "<output>\(output)</output>")
        case "CreateTags": return Self.answer(call.operation, "<return>true</return>")
        default: return Self.refusal(400, "InvalidAction")
        }
    }

    func instance(_ id: String) -> Instance? { state.withLock { $0.instances[id] } }

    /// Of one organisation, or of all; in the order of their launch.
    func living(org: String? = nil) -> [Instance] {
        state.withLock { state in
            let ids = org.map { state.byOrg[$0] ?? [] } ?? state.instances.keys.sorted()
            return ids.compactMap { state.instances[$0] }.filter(\.isLiving)
        }
    }

    private func admits(_ operation: String, _ now: Int) -> Bool {
        state.withLock { state in
            let isRead = operation.hasPrefix("Describe") || operation.hasPrefix("Get")
            let named = isRead ? "Describe" : operation
            let name = state.buckets[named] == nil ? "Other" : named
            guard state.buckets[name]!.take(at: now) else { return false }
            return state.buckets["\(name)/instances"]?.take(at: now) ?? true
        }
    }
}

// MARK: Launching

extension SimulatedEC2 {
    private func run(_ call: ProviderCall, _ now: Int) -> HTTPResponse {
        let token = call.parameters["ClientToken"] ?? ""
        let posted = String(decoding: call.request.body, as: UTF8.self)
        if let earlier = state.withLock({ state in state.byToken[token].flatMap { state.instances[$0] } }) {
            guard earlier.parameters == posted else {
                return Self.refusal(400, "IdempotentParameterMismatch")
            }
            guard earlier.isLiving else { return Self.refusal(400, "IdempotentInstanceTerminated") }
            return Self.answer("RunInstances", "<instancesSet>\(xml(earlier, now))</instancesSet>")
        }
        let instance = launch(call, token, posted, now)
        launched(instance)
        return Self.answer("RunInstances", "<instancesSet>\(xml(instance, now))</instancesSet>")
    }

    private func launch(_ call: ProviderCall, _ token: String, _ posted: String, _ now: Int) -> Instance {
        let tags = call.launchTags
        let visible = dice.between(.zero, hidden).microseconds
        let pending = dice.between(Self.pending.0, Self.pending.1).microseconds
        let (instance, others) = state.withLock { state in
            let number = state.instances.count + 1
            let digits = String(number, radix: 16)
            let instance = Instance(
                id: "i-" + String(repeating: "0", count: 17 - digits.count) + digits, clientToken: token,
                parameters: posted, tags: tags,
                privateIP: "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)",
                launchedAt: now, visibleAt: now + visible, runningAt: now + pending, terminatedAt: nil,
                userData: call.parameters["UserData"] ?? "")
            let others = (state.byOrg[instance.orgID] ?? []).filter { state.instances[$0]!.isLiving }
            state.instances[instance.id] = instance
            state.byToken[token] = instance.id
            state.byOrg[instance.orgID, default: []].append(instance.id)
            return (instance, others)
        }
        if let other = others.first {
            tally.violated("one instance", tenant: instance.slug, "\(instance.id) beside \(other)")
        }
        tally.add { counts in
            counts.launches += 1
            counts.firstLaunch = counts.firstLaunch ?? now
            counts.lastLaunch = now
        }
        return instance
    }
}

// MARK: Looking and ending

extension SimulatedEC2 {
    private func describe(_ call: ProviderCall, _ now: Int) -> HTTPResponse {
        var found: [Instance] = []
        if let id = call.parameters["InstanceId.1"] {
            guard let instance = instance(id), instance.visibleAt <= now else {
                return Self.refusal(400, "InvalidInstanceID.NotFound")
            }
            found = [instance]
        } else {
            found = state.withLock { state in
                let org =
                    call.parameters["Filter.1.Name"] == "tag:\(ResourceTag.org)"
                    ? call.parameters["Filter.1.Value.1"] : nil
                let ids = org.map { state.byOrg[$0] ?? [] } ?? state.instances.keys.sorted()
                return ids.compactMap { state.instances[$0] }
            }
        }
        // A terminated instance is shown for about an hour.
        let items = found.filter { $0.visibleAt <= now && (($0.terminatedAt ?? now) + 3_600_000_000) > now }
            .map { "<item><instancesSet>\(xml($0, now))</instancesSet></item>" }
        return Self.answer("DescribeInstances", "<reservationSet>\(items.joined())</reservationSet>")
    }

    private func terminate(_ call: ProviderCall, _ now: Int) -> HTTPResponse {
        let ids = (1...1_000).lazy.map { call.parameters["InstanceId.\($0)"] }.prefix { $0 != nil }
            .compactMap(\.self)
        let isKnown = state.withLock { state in
            guard ids.allSatisfy({ state.instances[$0].map { $0.visibleAt <= now } ?? false }) else {
                return false
            }
            for id in ids where state.instances[id]!.isLiving { state.instances[id]!.terminatedAt = now }
            return true
        }
        guard isKnown else { return Self.refusal(400, "InvalidInstanceID.NotFound") }
        return Self.answer("TerminateInstances", "<instancesSet/>")
    }

    private func xml(_ instance: Instance, _ now: Int) -> String {
        let tags = instance.tags.sorted { $0.key < $1.key }
            .map { "<item><key>\($0.key)</key><value>\($0.value)</value></item>" }
        return """
            <item><instanceId>\(instance.id)</instanceId><instanceState><code>0</code>\
            <name>\(Self.stateName(instance, now))</name></instanceState>\
            <privateIpAddress>\(instance.privateIP)</privateIpAddress>\
            <clientToken>\(instance.clientToken)</clientToken><tagSet>\(tags.joined())</tagSet></item>
            """
    }

    private static func stateName(_ instance: Instance, _ now: Int) -> String {
        if let end = instance.terminatedAt {
            return now < end + shuttingDownMicroseconds ? "shutting-down" : "terminated"
        }
        return now < instance.runningAt ? "pending" : "running"
    }

    private static func answer(_ operation: String, _ body: String) -> HTTPResponse {
        .text(
            200,
            "<\(operation)Response><requestId>simulated</requestId>\(body)</\(operation)Response>",
            [HTTPField("x-amzn-RequestId", "simulated")])
    }

    static func refusal(_ status: Int, _ code: String) -> HTTPResponse {
        .text(
            status,
            "<Response><Errors><Error><Code>\(code)</Code><Message>simulated</Message></Error></Errors>"
                + "<RequestID>simulated</RequestID></Response>",
            [HTTPField("x-amzn-RequestId", "simulated")])
    }
}
