import FoundationEssentials

/// When the platform may interrupt a tenant by itself: every day, or on some days of the week; in UTC.
package struct MaintenanceWindow: Sendable, Equatable {
    /// Minutes of the day at which it opens.
    package var opens: Int
    /// Minutes for which it is open: 1 to 1,440.
    package var length: Int
    /// Of the week, Monday is 0; the days on which it opens. Never empty.
    package var days: Set<Int>

    package static let always = MaintenanceWindow(opens: 0, length: 1_440, days: Set(0..<7))
    package static let expected = "always, HH:MM-HH:MM, or days before that, as sat,sun 22:00-04:00"

    private static let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

    private init(opens: Int, length: Int, days: Set<Int>) {
        (self.opens, self.length, self.days) = (opens, length, days)
    }

    /// nil for a text that is none.
    package init?(_ text: String) {
        if text == "always" {
            self = .always
            return
        }
        let words = text.split(separator: " ")
        guard let hours = words.last, words.count <= 2 else { return nil }
        let times = hours.split(separator: "-", omittingEmptySubsequences: false).map(Self.minutes)
        guard times.count == 2, let start = times[0], let end = times[1] else { return nil }
        var days = Set(0..<7)
        if words.count == 2 {
            let named = words[0].split(separator: ",", omittingEmptySubsequences: false)
                .map { Self.names.firstIndex(of: $0.lowercased()) }
            guard !named.isEmpty, !named.contains(nil) else { return nil }
            days = Set(named.compactMap(\.self))
        }
        let length = (end - start + 1_440) % 1_440
        self.init(opens: start, length: length == 0 ? 1_440 : length, days: days)
    }

    /// `HH:MM`
    private static func minutes(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 && $0.allSatisfy(\.isNumber) }),
            let hours = Int(parts[0]), let minutes = Int(parts[1]), hours < 24, minutes < 60
        else { return nil }
        return hours * 60 + minutes
    }

    package func isOpen(at date: Date) -> Bool {
        let (day, second) = Self.split(date)
        // One that opened yesterday may be open still.
        return [0, 1].contains { before in
            let since = second + before * 86_400 - opens * 60
            return days.contains(Self.weekday(day - before)) && (0..<length * 60).contains(since)
        }
    }

    /// The next time that it opens after the date.
    func nextOpening(after date: Date) -> Date {
        let (day, second) = Self.split(date)
        for ahead in 0...7 where days.contains(Self.weekday(day + ahead)) {
            let opening = ahead * 86_400 + opens * 60
            if opening > second { return Self.date(day, opening) }
        }
        // It opens on this weekday alone, and has done so today.
        return Self.date(day, 7 * 86_400 + opens * 60)
    }

    /// When something may begin that is ordered at the date.
    package func beginning(from date: Date) -> Date { isOpen(at: date) ? date : nextOpening(after: date) }

    private static func split(_ date: Date) -> (day: Int, second: Int) {
        let seconds = Int(date.timeIntervalSince1970.rounded(.down))
        let day = Int((Double(seconds) / 86_400).rounded(.down))
        return (day, seconds - day * 86_400)
    }

    private static func date(_ day: Int, _ second: Int) -> Date {
        Date(timeIntervalSince1970: Double(day * 86_400 + second))
    }

    /// The first day of 1970 was a Thursday.
    private static func weekday(_ day: Int) -> Int { ((day + 3) % 7 + 7) % 7 }
}
