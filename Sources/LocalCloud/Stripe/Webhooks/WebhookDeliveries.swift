/// One event on its way to one endpoint.
struct WebhookDelivery: Sendable {
    struct Attempt: Sendable {
        var at: Int
        /// Of the receiver's answer; 0 when there was none.
        var status: Int
    }

    let number: Int
    let event: String
    let type: String
    let endpoint: String
    let since: Int
    var attempts: [Attempt] = []
    /// nil: delivered, given up, or under way.
    var nextAttempt: Int?
    var isUnderWay = false
    var isDelivered = false

    var description: JSONValue {
        [
            "number": .integer(number), "event": .string(event), "type": .string(type),
            "endpoint": .string(endpoint), "delivered": .bool(isDelivered),
            "attempts": .array(
                attempts.map { ["at": .integer($0.at), "status": .integer($0.status)] }),
            "next_attempt": .count(nextAttempt),
        ]
    }
}

/// Which events wait for which endpoints. Each is sent until it is answered with a 2xx; not in order, as
/// several are under way at once.
struct WebhookDeliveries: Sendable {
    /// Seconds to wait after the first failure; doubled after each.
    static let firstRetrySeconds = 1
    static let longestRetrySeconds = 3600
    /// Then it is given up.
    static let lifetimeSeconds = 3 * 86_400
    static let maximumUnderWay = 16
    /// Finished ones that are still listed.
    static let keptDeliveries = 10_000

    private var waiting: [WebhookDelivery] = []
    private var finished: [WebhookDelivery] = []
    private var last = 0

    /// Oldest first.
    var all: [WebhookDelivery] { (finished + waiting).sorted { $0.number < $1.number } }

    func pending(_ event: String) -> Int { waiting.count { $0.event == event } }

    mutating func add(_ event: StripeEvent, to endpoints: [StripeWebhookEndpoint], at time: Int) {
        for endpoint in endpoints {
            last += 1
            waiting.append(
                WebhookDelivery(
                    number: last, event: event.id, type: event.type, endpoint: endpoint.id, since: time,
                    nextAttempt: time))
        }
    }

    /// What is to be sent now.
    mutating func take(at time: Int) -> [WebhookDelivery] {
        var room = Self.maximumUnderWay - waiting.count { $0.isUnderWay }
        var taken: [WebhookDelivery] = []
        for index in waiting.indices where room > 0 {
            guard let due = waiting[index].nextAttempt, due <= time else { continue }
            waiting[index].nextAttempt = nil
            waiting[index].isUnderWay = true
            taken.append(waiting[index])
            room -= 1
        }
        return taken
    }

    /// - Parameter status: of the answer; 0 when there was none.
    mutating func settle(_ number: Int, status: Int, at time: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        var delivery = waiting[index]
        delivery.isUnderWay = false
        delivery.attempts.append(.init(at: time, status: status))
        delivery.isDelivered = (200..<300).contains(status)
        guard !delivery.isDelivered, time - delivery.since < Self.lifetimeSeconds else {
            waiting.remove(at: index)
            finished.append(delivery)
            if finished.count > 2 * Self.keptDeliveries { finished.removeFirst(Self.keptDeliveries) }
            return
        }
        let failures = min(delivery.attempts.count - 1, 20)
        delivery.nextAttempt =
            time + min(Self.longestRetrySeconds, Self.firstRetrySeconds << failures)
        waiting[index] = delivery
    }

    /// Sends what is waiting at once, for a test that does not want to wait.
    mutating func hurry(at time: Int) {
        for index in waiting.indices where waiting[index].nextAttempt != nil {
            waiting[index].nextAttempt = time
        }
    }
}
