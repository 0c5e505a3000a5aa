import Arithmetic
import CurlHTTP
import Logging
import ServiceLifecycle
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Sends events to their endpoints, and lets the wall's time pass in the account. Faults of the operation
/// `webhook` befall what it sends: `reset` sends nothing; `lost_reply` and `malformed` send it and take no
/// answer; `status_500`, `status_503` and `throttle` count as the receiver's answer without sending, and
/// `late_500` with it;
/// `duplicate` sends it twice; `delay`, `silence` and `hidden` send it later, so that others overtake it.
struct WebhookSender: Service {
    /// Stripe waits for an answer about as long.
    static let timeout = Duration.seconds(20)
    static let pause = Duration.milliseconds(25)

    let stripe: StripeService
    let calls: ProviderCalls
    let http: HTTPClient
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled {
                    for parcel in await stripe.takeDue() { group.addTask { await deliver(parcel) } }
                    try? await Task.sleep(for: Self.pause)
                }
            }
        }
    }

    private func deliver(_ parcel: WebhookParcel) async {
        let (number, rule) = calls.begin("stripe", "webhook")
        let status = await befall(rule, parcel)
        calls.end(number, status: status)
        if !(200..<300).contains(status) {
            logger.info(
                "an event was not taken", metadata: ["type": "\(parcel.type)", "status": "\(status)"])
        }
        await stripe.settle(parcel.number, status: status)
    }

    private func befall(_ rule: FaultRule?, _ parcel: WebhookParcel) async -> Int {
        switch rule?.fault {
        case nil: return await send(parcel)
        case .reset: return 0
        case .status500: return 500
        case .status503, .noCapacity: return 503
        case .throttle: return 429
        case .lostReply, .malformed:
            _ = await send(parcel)
            return 0
        case .late500:
            _ = await send(parcel)
            return 500
        case .duplicate:
            _ = await send(parcel)
            return await send(parcel)
        case .delay, .silence, .hidden:
            try? await Task.sleep(for: .seconds(rule?.seconds ?? 0))
            return await send(parcel)
        }
    }

    /// - Returns: the status of the answer, 0 without one.
    private func send(_ parcel: WebhookParcel) async -> Int {
        let time = Date().wholeSeconds
        var request = HTTPRequest(
            "POST", parcel.url,
            headers: [
                .init("Content-Type", "application/json; charset=utf-8"),
                .init("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"),
                .init(
                    WebhookSignature.name,
                    WebhookSignature.header(parcel.body, secrets: parcel.secrets, at: time)),
            ], body: parcel.body)
        request.timeout = Self.timeout
        return (try? await http.send(request).status) ?? 0
    }
}

/// What one delivery sends.
struct WebhookParcel: Sendable {
    let number: Int
    let type: String
    let url: String
    let secrets: [String]
    let body: [UInt8]
}
