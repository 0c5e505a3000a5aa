import Logging
import Service
import Synchronization
import Workflows

/// One life of a control plane: its engine claims, runs and renews as in production, but at virtual times.
final class VirtualReplica: Sendable {
    /// From a notification to the look that it causes; those in between cost no further look.
    static let notificationDelay: Duration = .milliseconds(2)

    let name: String
    let platform: Platform
    let party: Scheduler.Party
    private let scheduler: Scheduler
    private let trace: Trace
    private let tally: Tally
    private let lease: Duration

    private struct State {
        /// Of the look that counts: an earlier one makes it void.
        var nextLook = Int.max
        var answers = true
    }
    private let state = Mutex(State())

    init(
        number: Int, life: Int, _ configuration: Configuration, seed: UInt64, network: SimulatedNetwork,
        world: World, logger: Logger
    ) {
        name = "replica-\(number).\(life)"
        scheduler = world.scheduler
        trace = world.trace
        tally = world.tally
        lease = configuration.lease
        let party = scheduler.newParty()
        self.party = party
        let dice = Dice(seed: seed, name)
        let time = WorkflowTime(
            now: { [scheduler] in scheduler.instant },
            sleep: { [scheduler] in try await scheduler.sleep($0, party: party) },
            random: { dice.bits() })
        platform = Platform(
            configuration, name: name,
            http: ReplicaTransport(network: network, replica: name, party: party), time: time, logger: logger)
    }

    /// Whether a request that comes now is answered.
    var answers: Bool { state.withLock { $0.answers } }

    func start() {
        trace.note(name, "starts")
        lookAgain(after: .zero)
        beat()
    }

    /// Something was notified, or a run ended.
    func signal() { lookAgain(after: Self.notificationDelay) }

    /// A look at that time, whatever looks come before.
    private func alarm(after delay: Duration) {
        guard delay > Self.notificationDelay else { return signal() }
        scheduler.start(after: delay, party: party) { [self] in lookAgain(after: .zero) }
    }

    private func lookAgain(after delay: Duration) {
        let time = scheduler.now + delay.microseconds
        let isSooner = state.withLock { state in
            defer { state.nextLook = min(state.nextLook, time) }
            return time < state.nextLook
        }
        guard isSooner else { return }
        scheduler.start(after: delay, party: party) { [self] in
            let counts = state.withLock { state in
                defer { if state.nextLook == time { state.nextLook = Int.max } }
                return state.nextLook == time
            }
            if counts { await look() }
        }
    }

    private func look() async {
        do {
            let pause = try await platform.engine.claimDue { run in
                trace.note(name, "runs \(run.kind) \(run.subject)")
                tally.add { $0.runs += 1 }
                scheduler.begin(after: .zero, party: party) { ended in
                    run.start { pause in
                        self.trace.note(self.name, "ran \(run.kind) \(run.subject)")
                        if let pause { self.alarm(after: pause) }
                        ended()
                    }
                }
            }
            lookAgain(after: pause)
        } catch {
            lookAgain(after: .seconds(1))
        }
    }

    private func beat() {
        scheduler.start(after: lease / 3, party: party) { [self] in
            try? await platform.engine.renewLeases()
            beat()
        }
    }

    /// SIGKILL: what is under way ends where it is, and its sessions with the database end too.
    func kill() async {
        trace.note(name, "is killed")
        state.withLock { $0.answers = false }
        platform.engine.loseLeases()
        scheduler.end(party)
        await platform.database.close()
    }

    /// SIGSTOP, and SIGCONT after `time`: everything that was due happens then, in its order.
    func pause(for time: Duration) {
        trace.note(name, "is paused for \(time.microseconds)")
        state.withLock { $0.answers = false }
        scheduler.pause(party, for: time)
        scheduler.start(after: time, party: party) { [self] in
            trace.note(name, "goes on")
            state.withLock { $0.answers = true }
        }
    }
}
