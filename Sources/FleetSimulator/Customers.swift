import AdminProtocol
import Billing
import Fleet
import FoundationEssentials
import Organisations
import Postgres
import Service
import Synchronization

/// Organisations that sign up, and some that leave again: a while after they signed up, or once they run.
final class Customers: Sendable {
    private enum Departure {
        case soon(Duration)
        case later(Duration)
    }

    private struct State {
        var toCome: Int
        var departures: [String: Departure] = [:]
        /// Deletes that are still to be asked for.
        var leaving = 0
        var refused = 0
        var deleted = 0
    }

    /// Between two signups of a burst.
    static let burstGap: Duration = .milliseconds(1)

    private let state: Mutex<State>
    private let world: World
    private let settings: SimulationSettings
    private let dice: Dice

    init(_ world: World, _ settings: SimulationSettings) {
        self.world = world
        self.settings = settings
        dice = Dice(seed: settings.seed, "customers")
        state = Mutex(State(toCome: settings.tenants))
    }

    /// Whether all have come, and those who leave have said so.
    var areDone: Bool { state.withLock { $0.toCome == 0 && $0.leaving == 0 } }
    var refused: Int { state.withLock { $0.refused } }
    var deleted: Int { state.withLock { $0.deleted } }

    func come() {
        world.onBooted { [unowned self] instance in
            guard case .later(let delay)? = state.withLock({ $0.departures[instance.slug] }) else { return }
            leave(instance.slug, after: delay)
        }
        world.scheduler.start(after: .seconds(1)) { [self] in
            for number in 1...settings.tenants { try? await signUp(number) }
        }
    }

    private func signUp(_ number: Int) async throws {
        let gap =
            settings.arrival == 0
            ? Self.burstGap : dice.exponential(mean: .microseconds(Int(1_000_000 / settings.arrival)))
        try await world.scheduler.sleep(gap)
        let digits = String(number)
        let slug = "t" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        let order = SignUp(
            orgID: uuid(), launchID: uuid(), slug: try Slug(slug), name: "Tenant \(number)",
            ownerUserID: "user")
        let departure = departure()
        if let departure { state.withLock { $0.departures[slug] = departure } }
        try await ask {
            _ = try await SignUps(billing: $0.billing).begin(order, by: .service("simulation"))
        } refused: {
            self.state.withLock { $0.refused += 1 }
        }
        state.withLock { $0.toCome -= 1 }
        world.trace.note(slug, "signed up")
        if case .soon(let delay)? = departure { leave(slug, after: delay) }
    }

    private func departure() -> Departure? {
        switch dice.share() {
        case ..<(settings.deleted / 2): .soon(dice.between(.zero, .seconds(300)))
        case ..<settings.deleted: .later(dice.between(.zero, .seconds(120)))
        default: nil
        }
    }

    private func leave(_ slug: String, after delay: Duration) {
        state.withLock { $0.leaving += 1 }
        world.scheduler.start(after: delay) { [self] in
            try? await ask { platform in
                let orgs = OrgStore(database: platform.database)
                try await Teardowns(fleet: platform.fleet).beginDelete(
                    orgs.require(slug: Slug(slug)), by: .service("simulation"))
            } refused: {
            }
            world.trace.note(slug, "is to be deleted")
            state.withLock { state in
                state.leaving -= 1
                state.deleted += 1
            }
        }
    }

    /// Asks some replica until one answers.
    private func ask(
        _ request: @Sendable (Platform) async throws -> Void, refused: @Sendable () -> Void
    ) async throws {
        while true {
            if let platform = world.anyReplica() {
                do {
                    return try await request(platform)
                } catch let error as AppError where error.kind != .internalError {
                    world.trace.note("customers", "refused: \(error.code)")
                    return refused()
                } catch {}
            }
            try await world.scheduler.sleep(.seconds(1))
        }
    }

    private func uuid() -> UUID {
        let (high, low) = (dice.bits(), dice.bits())
        let bytes = (0..<16).map { UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (8 * ($0 % 8))) }
        return UUID(
            uuid: (
                bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8],
                bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
            ))
    }
}
