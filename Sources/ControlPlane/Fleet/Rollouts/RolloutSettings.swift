/// How a rollout goes about its tenants.
package struct RolloutSettings: Codable, Sendable, Equatable {
    package enum Rollback: String, Codable, Sendable, CaseIterable {
        /// What is updated stays so.
        case none
        /// The wave in which it stopped.
        case wave
        /// Everything that it updated.
        case all
    }

    /// Those of the first wave; empty: the organisations that are canaries.
    package var canarySlugs: [String] = []
    /// After the canaries' wave, in seconds.
    package var soakSeconds = 60
    /// After each other wave, in seconds. Without a soak there is no traffic to compare: a wave is then
    /// judged by its health and restarts alone.
    package var waveSoakSeconds = 0
    /// Where each wave behind the canaries ends, in percent of the tenants; the last is 100.
    package var waves = [10, 50, 100]
    /// Tenants that share one SSM command.
    package var batchSize = 10
    /// Batches at the same time.
    package var concurrency = 2
    /// For a new container to become healthy.
    package var healthSeconds: Int
    package var drainSeconds = Replacement.defaultDrainSeconds
    /// So many failures, or such a share of the attempted tenants, are borne, whichever is more. Among the
    /// canaries none is.
    var maximumFailures = 0
    package var maximumFailurePercent = 0
    /// For how long an instance that SSM cannot reach is tried again.
    package var offlineSeconds = 600
    /// What a stop for failures undoes.
    package var rollback = Rollback.wave

    package static let maximumCanaries = 100
    package static let soakLimits = 0...86_400
    package static let batchLimits = 1...GroupCommand.maximumInstances
    package static let concurrencyLimits = 1...50
    package static let healthLimits = 5...1_800
    package static let failureLimits = 0...10_000
    package static let percentLimits = 0...100
    package static let maximumWaves = 20

    enum CodingKeys: String, CodingKey {
        case waves, concurrency, rollback
        case canarySlugs = "canary_slugs"
        case soakSeconds = "soak_seconds"
        case waveSoakSeconds = "wave_soak_seconds"
        case batchSize = "batch_size"
        case healthSeconds = "health_seconds"
        case drainSeconds = "drain_seconds"
        case maximumFailures = "max_failures"
        case maximumFailurePercent = "max_failure_percent"
        case offlineSeconds = "offline_seconds"
    }

    /// - Parameter wave: 0 is the canaries'.
    func toleratedFailures(wave: Int, attempted: Int) -> Int {
        wave == 0 ? 0 : max(maximumFailures, attempted * maximumFailurePercent / 100)
    }

    package func soak(wave: Int) -> Int { wave == 0 ? soakSeconds : waveSoakSeconds }

    /// How long a wave with so many tenants before it takes, with its soak.
    /// - Parameter pace: seconds that one redeploy takes.
    package func seconds(wave: Int, tenants: Int, pace: Double) -> Double {
        let batches = (tenants + batchSize - 1) / batchSize
        let turns = (batches + concurrency - 1) / concurrency
        return Double(turns) * pace + Double(soak(wave: wave))
    }
}
