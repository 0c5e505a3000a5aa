import Digests
import FoundationEssentials
import Service
import Synchronization

/// All that is outside of the control planes: providers, instances, and who knows what of them.
final class World: Sendable {
    private struct State {
        var replicas: [VirtualReplica] = []
        /// Slugs whose instance was fated to fail.
        var doomed: Set<String> = []
        /// What each instance was handed, by slug.
        var credentials: [String: TokenHash] = [:]
        var booted: @Sendable (SimulatedEC2.Instance) -> Void = { _ in }
    }

    let scheduler: Scheduler
    let trace: Trace
    let tally: Tally
    let faults: FaultProfile
    let dice: Dice
    let cloudflare: SimulatedCloudflare
    let edge = SimulatedEdge()
    /// Set once, before anything happens: it tells this world of its launches.
    private let fleet = Mutex<SimulatedEC2?>(nil)
    private let state = Mutex(State())

    init(_ scheduler: Scheduler, _ faults: FaultProfile, seed: UInt64, trace: Trace, tally: Tally) {
        self.scheduler = scheduler
        self.trace = trace
        self.tally = tally
        self.faults = faults
        dice = Dice(seed: seed, "instances")
        cloudflare = SimulatedCloudflare(tally: tally)
        let fleet = SimulatedEC2(seed: seed, hidden: faults.hidden, tally: tally) { [unowned self] in
            launched($0)
        }
        self.fleet.withLock { $0 = fleet }
    }

    var ec2: SimulatedEC2 { fleet.withLock { $0! } }

    private func launched(_ instance: SimulatedEC2.Instance) {
        trace.note(instance.slug, "launched \(instance.id)")
        let fate = SimulatedTenant.Fate(faults, dice)
        if !fate.boots { noteDoomed(instance.slug) }
        let tenant = SimulatedTenant(instance: instance, fate: fate, world: self)
        scheduler.start(after: .zero) { await tenant.live() }
    }

    // MARK: The control planes, as the world finds them

    /// Through the load balancer: one that lives, or nil.
    func anyReplica() -> Platform? {
        dice.pick(state.withLock { $0.replicas }.filter(\.answers))?.platform
    }

    func enter(_ replica: VirtualReplica) { state.withLock { $0.replicas.append(replica) } }
    func leave(_ replica: VirtualReplica) { state.withLock { $0.replicas.removeAll { $0 === replica } } }
    var replicas: [VirtualReplica] { state.withLock { $0.replicas } }

    // MARK: What is remembered

    func noteDoomed(_ slug: String) { state.withLock { _ = $0.doomed.insert(slug) } }
    func isDoomed(_ slug: String) -> Bool { state.withLock { $0.doomed.contains(slug) } }
    func noteCredential(_ slug: String, _ token: TokenHash) {
        state.withLock { $0.credentials[slug] = token }
    }
    func credential(_ slug: String) -> TokenHash? { state.withLock { $0.credentials[slug] } }

    func onBooted(_ action: @escaping @Sendable (SimulatedEC2.Instance) -> Void) {
        state.withLock { $0.booted = action }
    }
    func booted(_ instance: SimulatedEC2.Instance) { state.withLock { $0.booted }(instance) }
}
