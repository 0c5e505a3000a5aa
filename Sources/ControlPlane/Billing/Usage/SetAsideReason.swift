/// Why an event was received and not counted.
package enum SetAsideReason: String, Sendable, CaseIterable, Codable {
    case clockAhead = "clock_ahead"
    case tooOld = "too_old"
    case unknownModel = "unknown_model"
    case negativeCount = "negative_count"
    case tooManyTokens = "too_many_tokens"
    case orgMismatch = "org_mismatch"
    case malformed
    /// Its place in the stream was received before, with another event.
    case placeTaken = "place_taken"

    /// Whether time, or an operator, can take the reason away. The others stand in the event itself.
    var canBeReleased: Bool {
        switch self {
        case .clockAhead, .unknownModel, .placeTaken: true
        case .tooOld, .negativeCount, .tooManyTokens, .orgMismatch, .malformed: false
        }
    }
}
