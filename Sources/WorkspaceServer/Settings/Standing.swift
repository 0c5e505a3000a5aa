/// What the organisation may do, by the platform's settings. A tenant that was never told otherwise, or has
/// no platform, may do everything: a platform that is away stops nobody.
struct Standing: Sendable, Equatable {
    /// Why no workspace may begin and no model may be asked; nil: both may. What is there can be read.
    private(set) var refusal: Refusal?
    /// Why no model may be asked, where that is all.
    private(set) var modelRefusal: Refusal?
    /// How many workspaces there may be; nil: as many as wanted.
    private(set) var maximumWorkspaces: Int?

    struct Refusal: Sendable, Equatable {
        /// 402 where paying mends it, 403 otherwise.
        var isPayment: Bool
        var detail: String

        var problem: Problem {
            Problem(status: isPayment ? .init(code: 402) : .forbidden, detail: detail)
        }
    }

    init(_ settings: [String: String]) {
        maximumWorkspaces = settings["MOLECULE_WORKSPACE_QUOTA"].flatMap { Int($0) }
        if settings["MOLECULE_ORG_STATUS"] == "suspended" {
            let reason = settings["MOLECULE_SUSPENDED_REASON"].map { ": \($0)" } ?? ""
            refusal = Refusal(
                isPayment: Self.unpaid.contains(settings["MOLECULE_BILLING_STATUS"] ?? ""),
                detail: "The organisation is suspended\(reason). Its data can be read; nothing new begins.")
        }
        modelRefusal = refusal
        if refusal == nil, Self.isExhausted(settings) {
            modelRefusal = Refusal(
                isPayment: true,
                detail: "The organisation has no credits left for models. A larger plan or a higher cap for "
                    + "overage gives more, and so does the next month.")
        }
    }

    /// The state says more than the number: what is beyond a grant may be charged.
    private static func isExhausted(_ settings: [String: String]) -> Bool {
        if let state = settings["MOLECULE_LLM_CREDITS_STATE"] { return state == "exhausted" }
        return settings["MOLECULE_LLM_CREDITS_REMAINING"].flatMap { Int($0) }.map { $0 <= 0 } ?? false
    }

    /// Of a subscription whose payment is wanting.
    private static let unpaid: Set<String> = ["past_due", "unpaid", "incomplete", "incomplete_expired"]
}
