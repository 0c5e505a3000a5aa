import CurlHTTP
import Foundation
import Providers
import Synchronization
import TenantProtocol

/// Run Command of Systems Manager with its limits, and the agents that take its commands. Source: AWS Systems
/// Manager API Reference.
final class SimulatedCommands: Sendable {
    private struct Command {
        var sentAt: Int
        /// By instance: when it ends, and what its agent prints.
        var answers: [String: (endsAt: Int, line: String)]
    }

    private struct State {
        var instances: [String: SimulatedFleet.Instance]
        var commands: [String: Command] = [:]
        /// What each instance has done under which id: asked again it says the same.
        var done: [String: (endsAt: Int, line: String)] = [:]
        var buckets = [
            "SendCommand": TokenBucket(capacity: 10, perSecond: 5),
            "Other": TokenBucket(capacity: 40, perSecond: 20),
        ]
        /// Redeploys that took place, in microseconds: what a batch of them takes is its slowest.
        var batchMicroseconds = 0
        var batches = 0
    }

    private let state: Mutex<State>
    private let dice: Dice
    private let tally: Tally

    init(_ instances: [String: SimulatedFleet.Instance], dice: Dice, tally: Tally) {
        state = Mutex(State(instances: instances))
        self.dice = dice
        self.tally = tally
    }

    var instances: [SimulatedFleet.Instance] { state.withLock { Array($0.instances.values) } }
    /// Of all batches together, as long as their slowest tenants took.
    var batchSeconds: Double { state.withLock { Double($0.batchMicroseconds) / 1_000_000 } }
    var batches: Int { state.withLock { $0.batches } }

    func handle(_ call: ProviderCall, at now: Int) -> HTTPResponse {
        let bucket = call.operation == "SendCommand" ? "SendCommand" : "Other"
        guard state.withLock({ $0.buckets[bucket]?.take(at: now) ?? false }) else {
            tally.add { $0.throttled[call.label, default: 0] += 1 }
            return Self.refusal("ThrottlingException")
        }
        let input = try? JSONSerialization.jsonObject(with: Data(call.request.body)) as? [String: Any]
        switch call.operation {
        case "SendCommand": return send(input ?? [:], now)
        case "ListCommandInvocations": return list(input ?? [:], now)
        case "DescribeInstanceInformation": return describe(input ?? [:], now)
        default: return Self.refusal("UnknownOperationException")
        }
    }

    private static func refusal(_ code: String) -> HTTPResponse {
        .text(400, #"{"__type":"\#(code)","message":"simulated"}"#)
    }

    private func describe(_ input: [String: Any], _ now: Int) -> HTTPResponse {
        let filters = input["Filters"] as? [[String: Any]] ?? []
        let ids = filters.first?["Values"] as? [String] ?? []
        let list = state.withLock { state in
            ids.compactMap { state.instances[$0] }.map { instance in
                let ping = Self.isOnline(instance, now) ? "Online" : "ConnectionLost"
                return #"{"InstanceId":"\#(instance.id)","PingStatus":"\#(ping)"}"#
            }
        }
        return .text(200, #"{"InstanceInformationList":[\#(list.joined(separator: ","))]}"#)
    }

    private static func isOnline(_ instance: SimulatedFleet.Instance, _ now: Int) -> Bool {
        instance.fate.offlineFor.map { now >= $0.microseconds } ?? true
    }

    // MARK: Commands

    private func send(_ input: [String: Any], _ now: Int) -> HTTPResponse {
        let ids = input["InstanceIds"] as? [String] ?? []
        let parameters = input["Parameters"] as? [String: [String]]
        let words = (parameters?["commands"]?.first ?? "").split(separator: " ").map(String.init)
        guard (1...50).contains(ids.count) else { return Self.refusal("ValidationException") }
        let id = "command-\(dice.bits())"
        let isSent = state.withLock { state in
            guard ids.allSatisfy({ state.instances[$0].map { Self.isOnline($0, now) } ?? false }) else {
                return false
            }
            var answers: [String: (endsAt: Int, line: String)] = [:]
            for instance in ids { answers[instance] = carryOut(words, on: instance, now, &state) }
            state.commands[id] = Command(sentAt: now, answers: answers)
            if words.contains("redeploy") {
                state.batchMicroseconds += (answers.values.map(\.endsAt).max() ?? now) - now
                state.batches += 1
            }
            return true
        }
        return isSent
            ? .text(200, #"{"Command":{"CommandId":"\#(id)"}}"#) : Self.refusal("InvalidInstanceId")
    }

    private func carryOut(
        _ words: [String], on id: String, _ now: Int, _ state: inout State
    ) -> (endsAt: Int, line: String) {
        func value(_ name: String) -> String? {
            words.firstIndex(of: name).flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
        }
        guard let image = value("--image"), let redeploy = value("--id") else {
            return (now + 500_000, observation(state.instances[id]))
        }
        let key = "\(id) \(redeploy)"
        if let done = state.done[key] { return (max(now, done.endsAt), done.line) }
        let answer = redeployed(to: image, id, now, &state)
        state.done[key] = answer
        return answer
    }

    /// It takes its time; what runs afterwards is decided now.
    private func redeployed(
        to image: String, _ id: String, _ now: Int, _ state: inout State
    ) -> (endsAt: Int, line: String) {
        guard var instance = state.instances[id], let digest = ImageReference(image).digest else {
            return (now, "")
        }
        let before = instance.digest
        let fails = instance.fate.fails && digest != SimulatedFleet.oldDigest
        if !fails { instance.digest = digest }
        state.instances[id] = instance
        let report = RedeployReport(
            outcome: fails ? .rolledBack : .updated, service: "tenant", previousDigest: before,
            digest: instance.digest, healthy: true, code: fails ? .unhealthy : nil,
            durationMilliseconds: instance.fate.duration.microseconds / 1_000)
        return (now + instance.fate.duration.microseconds, Self.line(report))
    }

    private func observation(_ instance: SimulatedFleet.Instance?) -> String {
        Self.line(
            HealthObservation(
                digest: instance?.digest, healthy: true, restarts: 0, upSeconds: 60, before: nil, since: nil))
    }

    private static func line(_ value: some Encodable) -> String {
        String(decoding: (try? JSONEncoder.wire.encode(value)) ?? Data(), as: UTF8.self)
    }

    private func list(_ input: [String: Any], _ now: Int) -> HTTPResponse {
        let command = state.withLock { $0.commands[input["CommandId"] as? String ?? ""] }
        let invocations = (command?.answers ?? [:]).sorted { $0.key < $1.key }.map { id, answer in
            Self.invocation(id, answer, now)
        }
        let body = try? JSONSerialization.data(
            withJSONObject: ["CommandInvocations": invocations], options: .sortedKeys)
        return .text(200, String(decoding: body ?? Data(), as: UTF8.self))
    }

    private static func invocation(
        _ id: String, _ answer: (endsAt: Int, line: String), _ now: Int
    ) -> [String: Any] {
        guard now >= answer.endsAt else {
            return ["InstanceId": id, "Status": "InProgress", "StatusDetails": "InProgress"]
        }
        let isUpdated = !answer.line.contains("rolled_back")
        return [
            "InstanceId": id, "Status": isUpdated ? "Success" : "Failed",
            "StatusDetails": isUpdated ? "Success" : "Failed",
            "CommandPlugins": [["Output": answer.line, "ResponseCode": isUpdated ? 0 : 10]],
        ]
    }
}
