/// How simulated instances behave. `PUT /_localcloud/simulation` changes it for what happens next.
struct Simulation: Codable, Sendable, Equatable {
    /// How long every stage takes, in milliseconds.
    var stageMilliseconds = 20
    /// From RunInstances until the script runs, in milliseconds.
    var bootMilliseconds = 20
    /// The instance runs and says nothing at all.
    var silent = false
    /// The stage that fails, by its name in the boot events, and with which code.
    var failingStage: String?
    var failureCode = "unhealthy"
    /// The stage that is started and never ends.
    var stuckStage: String?
    /// Images whose reference contains one of these start and never become healthy.
    var brokenImages = ["broken"]
    /// Images whose reference contains one of these cannot be pulled.
    var missingImages = ["missing"]
    /// The connector never registers.
    var withoutConnector = false
    /// What some tenants do, or all of them under some image.
    var rules: [SimulationRule] = []

    init() {}

    init(from decoder: any Decoder) throws {
        let known = try decoder.container(keyedBy: CodingKeys.self)
        let standard = Simulation()
        func value<Value: Decodable>(_ key: CodingKeys, _ fallback: Value) throws -> Value {
            try known.decodeIfPresent(Value.self, forKey: key) ?? fallback
        }
        stageMilliseconds = try value(.stageMilliseconds, standard.stageMilliseconds)
        bootMilliseconds = try value(.bootMilliseconds, standard.bootMilliseconds)
        silent = try value(.silent, standard.silent)
        failingStage = try known.decodeIfPresent(String.self, forKey: .failingStage)
        failureCode = try value(.failureCode, standard.failureCode)
        stuckStage = try known.decodeIfPresent(String.self, forKey: .stuckStage)
        brokenImages = try value(.brokenImages, standard.brokenImages)
        missingImages = try value(.missingImages, standard.missingImages)
        withoutConnector = try value(.withoutConnector, standard.withoutConnector)
        rules = try value(.rules, standard.rules)
    }

    enum CodingKeys: String, CodingKey {
        case silent, rules
        case stageMilliseconds = "stage_ms"
        case bootMilliseconds = "boot_ms"
        case failingStage = "failing_stage"
        case failureCode = "failure_code"
        case stuckStage = "stuck_stage"
        case brokenImages = "broken_images"
        case missingImages = "missing_images"
        case withoutConnector = "without_connector"
    }
}
