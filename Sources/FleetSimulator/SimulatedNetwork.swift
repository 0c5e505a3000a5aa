import CurlHTTP
import Digests
import Fleet
import FoundationEssentials
import Providers
import Synchronization

/// What lies between the platform and its providers: time, and what goes wrong on the way.
final class SimulatedNetwork: Sendable {
    private let scheduler: Scheduler
    private let faults: FaultProfile
    private let dice: Dice
    private let tally: Tally
    private let trace: Trace
    private let providers: Providers
    /// Launches whose success a replica has been told of: to ask again is needless.
    private let settled = Mutex<Set<String>>([])

    init(
        _ scheduler: Scheduler, _ faults: FaultProfile, seed: UInt64, tally: Tally, trace: Trace,
        providers: Providers
    ) {
        self.scheduler = scheduler
        self.faults = faults
        dice = Dice(seed: seed, "network")
        self.tally = tally
        self.trace = trace
        self.providers = providers
    }

    func send(_ request: HTTPRequest, from replica: String, _ party: Scheduler.Party) async throws
        -> HTTPResponse
    {
        let call = ProviderCall(request)
        let fault = faults.fault(dice)
        noteStart(of: call, fault)
        try await travel(oneWay(), party, usesDatabase: false)
        let response: HTTPResponse
        do {
            response = try await arrive(call, fault, party)
        } catch {
            trace.note(replica, "\(call.label) \(call.subject) \(error)")
            throw error
        }
        let due = scheduler.now + 1_000
        let back = oneWay()
        try await travel(back, party)
        trace.note(replica, "\(call.label) \(call.subject) \(response.status) \(fault?.rawValue ?? "")")
        noteEnd(of: call, response, wasHeldUp: scheduler.now > due + back.microseconds)
        return response
    }

    /// They travel together. What goes wrong with one is that it gets no answer.
    func answers(
        to requests: [HTTPRequest], from replica: String, _ party: Scheduler.Party
    ) async -> [HTTPResponse?] {
        do {
            try await travel(oneWay(), party, usesDatabase: false)
            let answers = requests.map { request -> HTTPResponse? in
                let call = ProviderCall(request)
                let fault = faults.fault(dice)
                noteStart(of: call, fault)
                return fault == nil ? providers.handle(call, at: scheduler.now) : nil
            }
            try await travel(oneWay(), party)
            trace.note(replica, "\(requests.count) at once, \(answers.filter { $0 != nil }.count) answered")
            return answers
        } catch {
            return requests.map { _ in nil }
        }
    }

    /// Mostly quick, sometimes slow, rarely seconds.
    private func oneWay() -> Duration {
        switch dice.share() {
        case ..<0.85: dice.between(.milliseconds(10), .milliseconds(60))
        case ..<0.98: dice.between(.milliseconds(60), .milliseconds(200))
        default: dice.between(.milliseconds(500), .milliseconds(2_500))
        }
    }

    private func travel(
        _ time: Duration, _ party: Scheduler.Party, usesDatabase: Bool = true
    ) async throws {
        try await scheduler.sleep(time, party: party, usesDatabase: usesDatabase)
    }

    private func arrive(
        _ call: ProviderCall, _ fault: FaultProfile.CallFault?, _ party: Scheduler.Party
    ) async throws -> HTTPResponse {
        switch fault {
        case nil: return providers.handle(call, at: scheduler.now)
        case .lostReply:
            _ = providers.handle(call, at: scheduler.now)
            throw HTTPError.interrupted("simulated")
        case .reset: throw HTTPError.interrupted("simulated")
        case .error500: return Self.refusal(call, 500)
        case .error503: return Self.refusal(call, 503)
        case .throttle: return Self.throttle(call)
        case .silence:
            if dice.chance(0.5) { _ = providers.handle(call, at: scheduler.now) }
            try await travel(call.request.timeout, party)
            throw HTTPError.timedOut
        case .malformed:
            var response = providers.handle(call, at: scheduler.now)
            response.body = Array(response.body.prefix(response.body.count / 2))
            return response
        }
    }

    private static func refusal(_ call: ProviderCall, _ status: Int) -> HTTPResponse {
        call.service == .ec2 ? SimulatedEC2.refusal(status, "InternalError") : .text(status, "simulated")
    }

    private static func throttle(_ call: ProviderCall) -> HTTPResponse {
        switch call.service {
        case .ec2: SimulatedEC2.refusal(503, "RequestLimitExceeded")
        case .cloudflare: SimulatedCloudflare.failure(429, 10_000, retryAfter: 5)
        default: .text(429, "simulated")
        }
    }
}

// MARK: What is counted, and what must not be

extension SimulatedNetwork {
    private func noteStart(of call: ProviderCall, _ fault: FaultProfile.CallFault?) {
        tally.add { counts in
            counts.calls[call.label, default: 0] += 1
            if let fault { counts.faults[fault.rawValue, default: 0] += 1 }
        }
        guard call.operation == "RunInstances", let token = call.parameters["ClientToken"],
            settled.withLock({ $0.contains(token) })
        else { return }
        tally.violated(
            "no needless RunInstances", tenant: call.launchTags[ResourceTag.slug] ?? token,
            "the launch \(token) had been answered")
    }

    /// A reply that came late, as the replica was paused, may have found the lease gone.
    private func noteEnd(of call: ProviderCall, _ response: HTTPResponse, wasHeldUp: Bool) {
        guard call.operation == "RunInstances", response.status == 200, !wasHeldUp,
            response.text.hasSuffix("</RunInstancesResponse>"), let token = call.parameters["ClientToken"]
        else { return }
        settled.withLock { _ = $0.insert(token) }
    }
}

/// The network as one replica has it.
struct ReplicaTransport: HTTPTransport {
    let network: SimulatedNetwork
    let replica: String
    let party: Scheduler.Party

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await network.send(request, from: replica, party)
    }

    func answers(to requests: [HTTPRequest]) async -> [HTTPResponse?] {
        await network.answers(to: requests, from: replica, party)
    }

    func shutdown() {}
}

/// Who answers.
struct Providers: Sendable {
    let ec2: SimulatedEC2
    let cloudflare: SimulatedCloudflare
    let edge: SimulatedEdge
    /// Of a rollout: tenants that run already.
    var fleet: SimulatedFleet?

    func handle(_ call: ProviderCall, at now: Int) -> HTTPResponse {
        switch call.service {
        case .ec2: ec2.handle(call, at: now)
        case .cloudflare: cloudflare.handle(call, at: now)
        case .ssm: fleet?.commands.handle(call, at: now) ?? .text(404, "no instance is managed")
        case .edge: fleet?.health(call, at: now) ?? edge.handle(call, cloudflare)
        case .registry: Self.manifest(call)
        case .unknown: .text(404, "nobody answers here")
        }
    }

    /// Every tag stands for one digest.
    private static func manifest(_ call: ProviderCall) -> HTTPResponse {
        let reference = call.path.split(separator: "/").last.map(String.init) ?? ""
        let digest =
            ImageReference.isDigest(reference)
            ? reference : "sha256:" + String(repeating: Hash64(of: call.path).text, count: 4)
        return .text(200, "", [HTTPField("Docker-Content-Digest", digest)])
    }
}
