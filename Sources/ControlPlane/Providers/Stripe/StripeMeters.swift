import FoundationEssentials

/// Meters: what is used beyond a subscription. Source: Stripe API reference, "Meters", "Meter Events" and
/// "Meter Event Summary".
extension StripeClient {
    package struct MeterEvent: Sendable, Equatable {
        /// Of the meter.
        package var name: String
        /// Stripe takes an event once under it, for `identifierLifetime` at least.
        package var identifier: String
        package var customer: String
        package var value: Int
        /// Unix seconds: at most `maximumAgeDays` ago.
        package var timestamp: Int

        package init(name: String, identifier: String, customer: String, value: Int, timestamp: Int) {
            self.name = name
            self.identifier = identifier
            self.customer = customer
            self.value = value
            self.timestamp = timestamp
        }

        /// From when Stripe may first have taken it, less an hour for clocks and queues.
        package static let identifierLifetime: Duration = .seconds(23 * 3_600)
        /// 35 by Stripe's documentation, less one for clocks and queues.
        package static let maximumAgeDays = 34
    }

    /// Stripe answers before it has counted: whether it did is seen in the sums, minutes later.
    /// - Throws: see `send`; `isDuplicate(of:)` where Stripe has the event already.
    package func sendMeterEvent(_ event: MeterEvent, idempotencyKey: String) async throws {
        _ = try await send(
            "sendMeterEvent", "POST", "/v1/billing/meter_events",
            [
                "event_name": .text(event.name), "identifier": .text(event.identifier),
                "timestamp": .integer(event.timestamp),
                "payload": [
                    "stripe_customer_id": .text(event.customer), "value": .text(String(event.value)),
                ],
            ], idempotencyKey: idempotencyKey, as: Ignored.self)
    }

    private struct Meter: Decodable, Sendable {
        var id: String
        var eventName: String

        enum CodingKeys: String, CodingKey {
            case id
            case eventName = "event_name"
        }
    }

    /// The id of the active meter that events of that name go to.
    package func meter(eventName: String) async throws -> String? {
        var last: String?
        repeat {
            var form: StripeForm = ["status": "active", "limit": .integer(Self.pageSize)]
            if let last { form.add("starting_after", .text(last)) }
            let page = try await send(
                "listMeters", "GET", "/v1/billing/meters", form, as: StripeList<Meter>.self)
            if let found = page.data.first(where: { $0.eventName == eventName }) { return found.id }
            last = page.hasMore ? page.data.last?.id : nil
        } while last != nil
        return nil
    }

    private struct Summary: Decodable, Sendable {
        var id: String
        var sum: Int

        enum CodingKeys: String, CodingKey {
            case id
            case sum = "aggregated_value"
        }
    }

    /// What the meter has counted for a customer, of events between the two times: an eventually consistent
    /// view.
    /// - Parameters:
    ///   - start: Unix seconds, of a whole minute; included.
    ///   - end: the same; not included.
    package func meterSum(meter: String, customer: String, from start: Int, to end: Int) async throws -> Int {
        var sum = 0
        var last: String?
        repeat {
            var form: StripeForm = [
                "customer": .text(customer), "start_time": .integer(start), "end_time": .integer(end),
                "limit": .integer(Self.pageSize),
            ]
            if let last { form.add("starting_after", .text(last)) }
            let page = try await send(
                "listMeterSummaries", "GET", "/v1/billing/meters/\(meter)/event_summaries", form,
                as: StripeList<Summary>.self)
            sum += page.data.map(\.sum).reduce(0, +)
            last = page.hasMore ? page.data.last?.id : nil
        } while last != nil
        return sum
    }
}

extension ProviderError {
    /// Stripe refuses a second event of the same identifier: it has the first. It gives this refusal no code
    /// of its own.
    package func isDuplicate(of event: StripeClient.MeterEvent) -> Bool {
        service == "stripe" && status == 400 && message.contains("already exists with identifier")
            && message.contains(event.identifier)
    }
}
