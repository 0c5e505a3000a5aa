#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Every command of the account, and the work of running them.
actor Commands {
    /// Commands kept; the oldest are forgotten.
    static let maximumKept = 10_000
    /// How soon an instance that could not be reached is tried again.
    static let deliveryPause = Duration.milliseconds(50)

    private let fleet: Fleet
    private var runs: [String: CommandRun] = [:]
    private var order: [String] = []
    private var nextOrdinal = 1

    init(fleet: Fleet) { self.fleet = fleet }

    /// - Returns: the command as it stands at once.
    func send(_ command: Command) -> CommandRun {
        let run = CommandRun(command, ordinal: nextOrdinal)
        nextOrdinal += max(1, command.instances.count)
        runs[command.id] = run
        order.append(command.id)
        if order.count > Self.maximumKept { runs[order.removeFirst()] = nil }
        Task { await self.carryOut(command) }
        return run
    }

    /// On so many instances at once as MaxConcurrency says, until MaxErrors is exceeded.
    private func carryOut(_ command: Command) async {
        await withTaskGroup(of: Void.self) { group in
            var free = command.maximumConcurrency
            for index in command.instances.indices {
                if free == 0 {
                    await group.next()
                    free += 1
                }
                guard let run = runs[command.id] else { return }
                guard run.mayGoOn else {
                    runs[command.id]?.terminate(from: index)
                    return
                }
                guard run.invocations[index].state == .pending else { continue }
                group.addTask { await self.perform(command, index) }
                free -= 1
            }
        }
    }

    private func perform(_ command: Command, _ index: Int) async {
        guard let instance = await reach(command, index),
            runs[command.id]?.invocations[index].start() == true
        else { return }
        let result = await fleet.driver.run(command.script, on: instance)
        if await isHeard(instance.id, before: command.expiresAt) {
            runs[command.id]?.invocations[index].finish(result)
        } else {
            runs[command.id]?.invocations[index].end(.deliveryTimedOut)
        }
    }

    /// Waits until the instance takes the command; nil when it never does.
    private func reach(_ command: Command, _ index: Int) async -> Instance? {
        let deadline = ContinuousClock.now + .seconds(command.deliveryTimeout)
        while runs[command.id]?.invocations[index].state == .pending {
            guard let instance = await fleet.instance(command.instances[index]), !instance.state.isEnding
            else {
                runs[command.id]?.invocations[index].end(.undeliverable)
                return nil
            }
            if instance.isReachable { return instance }
            if deadline.isPast {
                runs[command.id]?.invocations[index].end(.deliveryTimedOut)
                return nil
            }
            try? await Task.sleep(for: Self.deliveryPause)
        }
        return nil
    }

    /// Waits until the instance can say what came of a command. One that is gone has said it.
    private func isHeard(_ id: String, before expiry: Date) async -> Bool {
        while let instance = await fleet.instance(id), !instance.state.isEnding, instance.agentLostAt != nil {
            guard Date() < expiry else { return false }
            try? await Task.sleep(for: Self.deliveryPause)
        }
        return true
    }

    /// - Throws: `InvalidCommandId` for one that was never sent, `InvalidInstanceId` for an instance that
    ///   did not get it.
    func cancel(_ id: String, _ instances: [String]) throws {
        guard let run = runs[id] else { throw Self.unknown }
        if let other = instances.first(where: { run.index(of: $0) == nil }) {
            throw AWSError("InvalidInstanceId", "Instances [[\(other)]] did not get this command")
        }
        runs[id]?.cancel(instances)
    }

    // MARK: What reads see

    static let unknown = AWSError("InvalidCommandId", "The specified command ID isn't valid.")

    /// nil while it is too new to be seen.
    /// - Throws: `InvalidCommandId` for one that was never sent.
    func run(_ id: String) throws -> CommandRun? {
        guard let run = runs[id] else { throw Self.unknown }
        return run.command.visibleAt.isPast ? run : nil
    }

    /// All that can be seen, in the order in which they were sent.
    var visible: [CommandRun] { order.compactMap { runs[$0] }.filter(\.command.visibleAt.isPast) }
}
