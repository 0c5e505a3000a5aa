import Arithmetic
import Foundation
import TestSupport
import Testing

@Suite struct TimesTests {
    @Test func noNumberOfSecondsMakesADurationThatCannotBeUsed() {
        var random = SplitMix(state: 22)
        for _ in 0..<50_000 {
            for duration in [
                Duration.bounded(seconds: random.extremeInt()),
                Duration.bounded(seconds: random.extremeDouble()),
            ] {
                #expect(duration <= .longest && duration >= .zero - .longest)
                // Each of these ends the process for a duration without bounds.
                #expect((duration * 12).components.seconds / 12 <= Duration.longest.components.seconds)
                #expect(abs(duration / .milliseconds(1)) <= Duration.longest / .milliseconds(1))
            }
        }
        #expect(Duration.bounded(seconds: 30) == .seconds(30))
        #expect(Duration.bounded(seconds: 0.25) == .milliseconds(250))
        #expect(Duration.bounded(seconds: -3) == .seconds(-3))
        #expect(Duration.bounded(seconds: Double.nan) == .zero)
    }

    @Test func everyDateIsOneThatCanBeStored() async throws {
        var random = SplitMix(state: 23)
        for _ in 0..<50_000 {
            let seconds = random.extremeInt()
            let date = Date(unixSeconds: seconds)
            #expect(Date.storable.contains(date))
            if seconds.magnitude < 60_000_000_000 { #expect(date.wholeSeconds == seconds) }
            let far = Date(timeIntervalSince1970: random.extremeDouble())
            #expect(Date.storable.contains(far.clamped))
            _ = (far.wholeSeconds, far.microseconds)
        }
        // Foundation's calendar is Julian before 1582; the judge counts as PostgreSQL does.
        for (date, text) in [
            (Date.storable.lowerBound, "0001-01-01T00:00:00Z"),
            (Date.storable.upperBound, "9999-12-31T23:59:59Z"),
        ] {
            let seconds = Int(date.timeIntervalSince1970)
            let judged = try await runCommand("/usr/bin/env", ["date", "-u", "-d", "@\(seconds)", "+%FT%TZ"])
            #expect(judged.output == text + "\n")
        }
        #expect(Date(timeIntervalSince1970: -0.5).wholeSeconds == -1)
        #expect(Date(timeIntervalSince1970: 1.25).microseconds == 1_250_000)
    }
}
