/// What stands behind an instance: a container that really boots, or a model of one.
protocol InstanceDriver: Sendable {
    /// Removes what an earlier run of the same cloud left behind.
    func removeLeftovers() async throws

    /// Creates and starts the instance; returns when it runs.
    /// - Parameter agentRegistered: called when the SSM agent on it answers.
    func launch(_ instance: Instance, agentRegistered: @escaping @Sendable () async -> Void) async throws

    func terminate(_ instance: Instance) async throws
    func stop(_ instance: Instance) async throws
    func start(_ instance: Instance) async throws
    func reboot(_ instance: Instance) async throws

    /// Keeps the instance's disk as it is now; an instance launched with that snapshot's id has it again.
    func snapshot(_ instance: Instance, as id: String) async throws
    func deleteSnapshot(_ id: String) async

    /// What the instance wrote to its console so far.
    func console(_ instance: Instance) async -> String

    /// Runs a shell script as root on the instance.
    func run(_ script: ShellScript, on instance: Instance) async -> ScriptResult
}

struct ShellScript: Sendable {
    var text: String
    var workingDirectory: String?
    var timeout: Duration
}

struct ScriptResult: Sendable {
    enum Ending: Sendable { case exited, timedOut, undeliverable }

    var ending: Ending
    var exitCode: Int
    var output: String
    var error: String
}

struct DriverError: Error, CustomStringConvertible {
    let description: String
}
