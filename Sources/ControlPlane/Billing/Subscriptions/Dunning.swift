import FoundationEssentials

/// What an organisation is told about a payment that failed, and when.
package enum Dunning {
    package enum Notice: String, Sendable, CaseIterable, Encodable {
        case paymentFailed = "payment_failed"
        case reminder
        case lastWarning = "last_warning"
        case suspended, resumed, canceled
    }

    /// After the payment failed.
    static let reminderDays = 3
    /// Before the grace ends.
    static let warningDays = 1

    private static func days(_ count: Int) -> TimeInterval { Double(count) * 86_400 }

    package static func graceEnd(failingSince: Date, graceDays: Int) -> Date {
        failingSince.addingTimeInterval(days(graceDays))
    }

    /// In their order. A grace too short for a notice has none.
    static func schedule(failingSince: Date, graceEndsAt: Date) -> [(notice: Notice, at: Date)] {
        let reminder = failingSince.addingTimeInterval(days(reminderDays))
        let warning = graceEndsAt.addingTimeInterval(-days(warningDays))
        var schedule: [(notice: Notice, at: Date)] = [(.paymentFailed, failingSince)]
        if reminder < warning { schedule.append((.reminder, reminder)) }
        if warning > failingSince { schedule.append((.lastWarning, warning)) }
        return schedule
    }

    package static func due(failingSince: Date, graceEndsAt: Date, now: Date) -> [Notice] {
        schedule(failingSince: failingSince, graceEndsAt: graceEndsAt).filter { $0.at <= now }.map(\.notice)
    }

    /// When something is to be done next: a notice, or the end of the grace.
    package static func next(failingSince: Date, graceEndsAt: Date, now: Date) -> Date? {
        let times = schedule(failingSince: failingSince, graceEndsAt: graceEndsAt).map(\.at) + [graceEndsAt]
        return times.first { $0 > now }
    }
}
