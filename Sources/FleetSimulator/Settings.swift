import ArgumentParser
import Providers

/// What a person may ask of a simulation.
struct SimulationSettings: ParsableArguments, Sendable {
    @Option(help: "How many organisations sign up.")
    var tenants = 1_000

    @Option(help: "How many control planes share the work.")
    var replicas = 3

    @Option(help: "The same seed, with the same options, gives the same run.")
    var seed: UInt64 = 1

    @Option(help: "What goes wrong: none, default or harsh.")
    var faults = FaultProfile.Name.default

    @Option(help: "Signups per second; 0: all at once.")
    var arrival = 0.0

    @Option(help: "Share of the tenants that are deleted again, 0 to 1.")
    var deleted = 0.1

    @Option(help: "Cloudflare accounts, each with a token of its own; 0: as many as the tenants need.")
    var places = 0

    @Option(help: "Workflows that one replica runs at the same time.")
    var workers = 16

    @Option(help: "Write everything that happens to this file.")
    var trace: String?

    func validate() throws {
        guard tenants > 0, (1...100).contains(replicas), arrival >= 0, (0...1).contains(deleted), workers > 0
        else {
            throw ValidationError(
                "a simulation has tenants, 1 to 100 replicas, workers, and shares of 0 to 1")
        }
    }

    /// Of an account's 1,000 tunnels some are kept free, and its token's calls are shared by its tenants: a
    /// tenant takes six calls, and each token gets about 3.5 a second.
    var placeCount: Int { places > 0 ? places : max(5, (tenants + 799) / 800) }

    /// What a person types to see it again.
    var command: String {
        "fleet-simulator provision --tenants \(tenants) --replicas \(replicas) --seed \(seed)"
            + " --faults \(faults.rawValue) --arrival \(arrival) --deleted \(deleted)"
            + " --places \(placeCount) --workers \(workers)"
    }
}
