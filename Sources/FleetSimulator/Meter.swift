import Foundation

/// What the simulation itself costs: processor time and memory of this process, and time on the wall.
struct Meter: Sendable {
    private let start = ContinuousClock.now
    private let processor = Self.processorSeconds

    var wallSeconds: Double { (ContinuousClock.now - start).inSeconds }
    var processorSeconds: Double { Self.processorSeconds - processor }

    /// Of the process since it began, in MiB.
    static var peakMemory: Double { Double(usage.ru_maxrss) / 1_024 }

    private static var processorSeconds: Double {
        let usage = usage
        return [usage.ru_utime, usage.ru_stime].map { Double($0.tv_sec) + Double($0.tv_usec) / 1_000_000 }
            .reduce(0, +)
    }

    private static var usage: rusage {
        var usage = rusage()
        // RUSAGE_SELF: an enumeration to one system, a number to another.
        getrusage(0, &usage)
        return usage
    }
}
