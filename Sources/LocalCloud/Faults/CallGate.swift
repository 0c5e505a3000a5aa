import Glibc
import NIOCore
import ServiceLifecycle

/// Through which every provider call goes: it is traced, and befallen by the fault that is due.
struct CallGate: Sendable {
    let calls: ProviderCalls

    /// A provider's own words for what a fault says in its place.
    struct Refusals: Sendable {
        var internalError: HTTPAnswer
        var unavailable: HTTPAnswer
        /// - Parameter seconds: to wait.
        var throttled: @Sendable (_ seconds: Double) -> HTTPAnswer
        /// Of a service that has no such answer, `unavailable`.
        var noCapacity: HTTPAnswer
    }

    func answer(
        _ call: HTTPCall, service: String, operation: String, refusals: Refusals,
        perform: @Sendable () async -> HTTPAnswer
    ) async -> HTTPAnswer {
        let (number, rule) = calls.begin(service, operation)
        guard let rule else {
            let answer = await perform()
            calls.end(number, status: answer.status)
            return answer
        }
        let answer = await befall(rule, refusals, perform)
        guard let answer else {
            try? await Self.hangUp(call.channel)
            return .empty(500)
        }
        calls.end(number, status: answer.status)
        return answer
    }

    /// The answer to send; nil when the connection ends without one.
    private func befall(
        _ rule: FaultRule, _ refusals: Refusals, _ perform: @Sendable () async -> HTTPAnswer
    ) async -> HTTPAnswer? {
        switch rule.fault {
        case .reset: return nil
        case .status500: return refusals.internalError
        case .status503: return refusals.unavailable
        case .late500:
            _ = await perform()
            return refusals.internalError
        case .throttle: return refusals.throttled(rule.seconds)
        case .noCapacity: return refusals.noCapacity
        case .lostReply:
            _ = await perform()
            return nil
        case .silence:
            _ = await perform()
            await cancelWhenGracefulShutdown { try? await Task.sleep(for: .seconds(rule.seconds)) }
            return nil
        case .malformed:
            var answer = await perform()
            answer.status = 200
            answer.body = Array(answer.body.prefix(answer.body.count / 2))
            return answer
        case .hidden:
            return await Visibility.$delay.withValue(.seconds(rule.seconds)) { await perform() }
        case .delay:
            await cancelWhenGracefulShutdown { try? await Task.sleep(for: .seconds(rule.seconds)) }
            return await perform()
        case .duplicate:
            _ = await perform()
            return await perform()
        }
    }

    /// Closes with a reset: what a caller sees when the other side dies.
    private static func hangUp(_ channel: any Channel) async throws {
        let socket = channel as? any SocketOptionProvider
        try? await socket?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close()
    }
}
