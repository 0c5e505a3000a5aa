#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Every command of the account, and the work of running them.
actor Commands {
    private let driver: any InstanceDriver
    private let consistencyDelay: Duration
    private var invocations: [String: Invocation] = [:]
    private var order: [String] = []

    init(driver: any InstanceDriver, consistencyDelay: Duration) {
        self.driver = driver
        self.consistencyDelay = consistencyDelay
    }

    func send(_ command: Command, to instances: [Instance]) {
        for instance in instances {
            let key = Self.key(command.id, instance.id)
            invocations[key] = Invocation(command: command, instance: instance.id)
            order.append(key)
            Task { await self.run(key, command.script, on: instance) }
        }
    }

    private func run(_ key: String, _ script: ShellScript, on instance: Instance) async {
        invocations[key]?.status = .inProgress
        invocations[key]?.startedAt = Date()
        let result = await driver.run(script, on: instance)
        invocations[key]?.finish(result)
    }

    func invocation(_ command: String, on instance: String) -> Invocation? {
        invocations[Self.key(command, instance)].flatMap { isVisible($0) ? $0 : nil }
    }

    func invocations(command: String?, instance: String?) -> [Invocation] {
        order.compactMap { invocations[$0] }.filter {
            isVisible($0) && (command == nil || $0.command.id == command)
                && (instance == nil || $0.instance == instance)
        }
    }

    private func isVisible(_ invocation: Invocation) -> Bool {
        invocation.command.visibleAt.isPast
            && Duration.seconds(-invocation.command.requestedAt.timeIntervalSinceNow) >= consistencyDelay
    }

    private static func key(_ command: String, _ instance: String) -> String { "\(command) \(instance)" }
}
