import FoundationEssentials
import TenantProtocol

/// Decides of each event whether it counts, and what it costs.
struct UsageJudgement: Sendable {
    /// How far a tenant's clock may be ahead. Microseconds.
    static let maximumAhead = 5 * 60 * 1_000_000
    /// How late an event may come: as long as Stripe takes a meter event. Microseconds.
    static let maximumAge = 35 * 86_400 * 1_000_000

    let org: UUID
    /// When it was received, in microseconds since 1970.
    let now: Int
    let prices: PriceBook
    /// Of an event that is judged again: when it came, by which its age counts.
    var receivedAt: Int?

    package enum Verdict: Sendable {
        case counts(CountedEvent)
        case isSetAside(SetAsideReason, detail: String)
    }

    func verdict(on event: SentEvent) -> Verdict {
        if let other = event.orgID, other != org {
            return .isSetAside(.orgMismatch, detail: "the event names the organisation \(other.text)")
        }
        guard event.fault == nil, let id = event.id, let workspaceID = event.workspaceID,
            let provider = event.provider, let model = event.model, let occurredAt = event.occurredAt
        else { return .isSetAside(.malformed, detail: event.fault ?? "a field is missing") }
        if let problem = countProblem(event.tokens) { return problem }
        if let problem = timeProblem(occurredAt) { return problem }
        guard let price = prices.price(provider, model, at: occurredAt) else {
            return .isSetAside(
                .unknownModel,
                detail: "no price of \(provider) \(model) was valid then; set one (cpctl usage prices set) "
                    + "and release the event")
        }
        return .counts(
            CountedEvent(
                offset: event.offset, id: id, workspaceID: workspaceID, provider: provider, model: model,
                tokens: event.tokens, occurredAt: occurredAt, millicredits: price.cost(of: event.tokens)))
    }

    private func countProblem(_ tokens: TokenCounts) -> Verdict? {
        if tokens.all.contains(where: { $0 < 0 }) {
            return .isSetAside(.negativeCount, detail: "a count is less than 0")
        }
        if tokens.all.contains(where: { $0 > UsageEvent.maximumTokens }) {
            return .isSetAside(
                .tooManyTokens, detail: "a count is more than \(UsageEvent.maximumTokens)")
        }
        return nil
    }

    private func timeProblem(_ occurredAt: Int) -> Verdict? {
        let ahead = occurredAt - now
        if ahead > Self.maximumAhead {
            return .isSetAside(
                .clockAhead, detail: "\(ahead / 1_000_000) s ahead of the platform's clock")
        }
        let age = (receivedAt ?? now) - occurredAt
        if age > Self.maximumAge {
            return .isSetAside(.tooOld, detail: "\(age / 86_400_000_000) days old when it was received")
        }
        return nil
    }
}

/// An event that counts, unless it has counted before.
struct CountedEvent: Sendable {
    /// From 0, in its batch.
    var offset: Int
    var id: UUID
    var workspaceID: UUID
    var provider: String
    var model: String
    var tokens: TokenCounts
    /// Microseconds since 1970.
    var occurredAt: Int
    var millicredits: Int
}

/// An event that was set aside, as it is kept.
package struct SetAsideEvent: Sendable {
    /// From 0, in its batch.
    package var offset: Int
    package var id: UUID
    package var reason: SetAsideReason
    package var detail: String
    package var event: SetAsideText
}
