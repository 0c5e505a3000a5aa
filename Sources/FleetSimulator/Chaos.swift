import Logging

/// Keeps the replicas running, and kills and pauses them at times that chance decides.
final class Chaos: Sendable {
    private let world: World
    private let dice: Dice
    private let newLife: @Sendable (_ number: Int, _ life: Int) -> VirtualReplica

    init(_ world: World, seed: UInt64, newLife: @escaping @Sendable (Int, Int) -> VirtualReplica) {
        self.world = world
        dice = Dice(seed: seed, "chaos")
        self.newLife = newLife
    }

    func start(replicas: Int) {
        for number in 1...replicas {
            world.scheduler.start(after: .milliseconds(number)) { [self] in
                try? await liveAndDie(number)
            }
        }
    }

    private func liveAndDie(_ number: Int) async throws {
        var life = 1
        while true {
            let replica = newLife(number, life)
            world.enter(replica)
            replica.start()
            try await suffer(replica)
            world.tally.add { $0.kills += 1 }
            await replica.kill()
            world.leave(replica)
            try await world.scheduler.sleep(dice.between(.seconds(1), .seconds(20)))
            life += 1
        }
    }

    /// Returns when the replica is to be killed.
    private func suffer(_ replica: VirtualReplica) async throws {
        let faults = world.faults
        var toLive = faults.meanTimeToKill.map { dice.exponential(mean: $0) }
        while true {
            let toPause = faults.meanTimeToPause.map { dice.exponential(mean: $0) }
            guard toLive != nil || toPause != nil else { return try await forever() }
            if let toPause, toPause < toLive ?? .seconds(1_000_000) {
                try await world.scheduler.sleep(toPause)
                toLive = toLive.map { $0 - toPause }
                world.tally.add { $0.pauses += 1 }
                replica.pause(for: dice.between(.seconds(1), .seconds(20)))
            } else if let toLive {
                return try await world.scheduler.sleep(toLive)
            }
        }
    }

    private func forever() async throws {
        while true { try await world.scheduler.sleep(.seconds(86_400)) }
    }
}
