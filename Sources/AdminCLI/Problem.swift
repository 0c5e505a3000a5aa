/// RFC 9457, as the control plane fills it in.
struct Problem: Decodable {
    var status: Int
    var title: String?
    var detail: String?
    var code: String?
    var requestID: String?
    /// What stands in the way, or is spoken of.
    var rolloutID: String?
    var redeployID: String?
    var slug: String?

    enum CodingKeys: String, CodingKey {
        case status, title, detail, code, slug
        case requestID = "request_id"
        case rolloutID = "rollout_id"
        case redeployID = "redeploy_id"
    }

    var text: String {
        let names = [code, "HTTP \(status)", requestID.map { "request \($0)" }].compactMap { $0 }
        let what = "\(detail ?? title ?? "The control plane refused.") (\(names.joined(separator: ", ")))"
        return advice.map { "\(what)\n\($0)" } ?? what
    }

    /// What to do, where that is not plain from the detail.
    private var advice: String? {
        if let advice = rolloutAdvice { return advice }
        return switch (code, status) {
        case (_, 401): "Check CP_ADMIN_API_TOKEN: is it this control plane's, and still valid?"
        case ("redeploy_in_progress", _):
            redeployID.map { "It is redeploy \($0): wait for it to end, then try again." }
                ?? "Wait for it to end, then try again."
        case ("org_not_found", _): "`cpctl orgs list` shows those that exist."
        case ("not_running", _): "`cpctl boot SLUG` shows where it stands."
        case ("channel_not_found", _):
            "`cpctl channels list` shows those that exist, `cpctl channels set NAME` creates one."
        case ("image_not_found", _): "Push the image first, or name another tag or digest."
        case (_, 429), (_, 503): "Try again in a few seconds."
        case (_, 500...): "The control plane's log has more under this request id."
        default: nil
        }
    }

    private var rolloutAdvice: String? {
        let id = rolloutID.map { String($0.prefix(RolloutReference.shortest)) } ?? "ID"
        return switch code {
        case "redeploy_in_progress" where rolloutID != nil:
            "A rollout is redeploying it: `cpctl rollout watch \(id)`."
        case "rollout_in_progress":
            "`cpctl rollout watch \(id)` shows how far it is, `cpctl rollout abort \(id)` ends it."
        case "image_was_rolled_back":
            "`cpctl rollout summary \(id)` shows what happened. --force rolls it out anyway."
        case "rollout_not_found": "`cpctl rollout list` shows those that exist."
        case "canary_unavailable":
            "`cpctl tenants release \(slug ?? "SLUG")` and `cpctl why \(slug ?? "SLUG")` show why."
        default: nil
        }
    }
}
