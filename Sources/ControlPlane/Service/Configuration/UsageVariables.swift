extension Variable {
    static let usageRetention = Variable(
        name: "USAGE_RETENTION_MONTHS",
        meaning: "whole months for which single usage events are kept; their sums by hour and day, and "
            + "which events have counted, stay for ever",
        fallback: "13")
}
