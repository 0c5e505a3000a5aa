import Foundation

/// What a terminal shows of a rollout.
struct RolloutBoard {
    var rollout: Rollout
    var now: Date
    var perMinute: Double?
    /// The last lines of what happened.
    var news: [String] = []
    /// Why what is shown may be old.
    var trouble: String?

    static let shownNews = 5
    /// Wide terminals give the bar so many characters, narrow ones the other number.
    static let (wideBar, narrowBar) = (30, 10)

    /// Fits, so that it can be drawn again in its place.
    func lines(columns: Int, rows: Int) -> [String] {
        let head = header + [""]
        let foot = [pace].compactMap { $0 } + [trouble].compactMap { $0 } + recent
        let room = max(1, rows - 1 - head.count - foot.count)
        let waves = waveTable(barWidth: columns >= 90 ? Self.wideBar : Self.narrowBar, atMost: room)
        return (head + waves + foot).map { Self.cut($0, columns) }
    }

    private var recent: [String] {
        news.isEmpty ? [] : [""] + news.suffix(Self.shownNews)
    }

    // MARK: Head

    private var header: [String] { rollout.title + [position] + [rollout.reason].compactMap { $0 } }

    /// `running: canary soaks, 14 s left`
    private var position: String {
        guard !rollout.isFinal else {
            return "\(words(rollout.state)) after \(span(rollout.duration(at: now)))"
        }
        let wave = rollout.waveName(rollout.wave)
        let what =
            switch rollout.stage {
            case "redeploying": "\(wave) is redeployed"
            case "soaking": "\(wave) soaks, \(span(rollout.soakLeft(at: now) ?? 0)) left"
            case "judging": "\(wave) is judged"
            case "rolling_back": "tenants return to their previous image"
            default: words(rollout.stage)
            }
        return "\(words(rollout.state)): \(what)"
    }

    // MARK: Waves

    private func waveTable(barWidth: Int, atMost room: Int) -> [String] {
        let rows = rollout.waves.map { wave in
            let isPresent = wave.number == rollout.wave && !rollout.isFinal
            return [
                (isPresent ? "> " : "  ") + wave.name, wave.bar.text(width: barWidth),
                "\(wave.done)/\(wave.total)", wave.text,
            ]
        }
        return Self.fold(table(rows), around: rollout.waves.firstIndex { $0.number >= rollout.wave }, room)
    }

    /// The present wave and its neighbours, where not all have room.
    private static func fold(_ lines: [String], around present: Int?, _ room: Int) -> [String] {
        guard lines.count > room else { return lines }
        let present = present ?? lines.count - 1
        guard room > 2 else { return Array(lines[present...].prefix(room)) }
        let start = min(max(0, present - room / 2), lines.count - room)
        var shown = Array(lines[start..<(start + room)])
        let behind = lines.count - start - room
        if start > 0 { shown[0] = "  \(start + 1) waves before" }
        if behind > 0 { shown[room - 1] = "  \(behind + 1) waves after" }
        return shown
    }

    // MARK: Foot

    private var pace: String? {
        guard !rollout.isFinal else { return nil }
        let skipped = rollout.count([.skipped])
        let parts = [
            perMinute.map { "\(tenths($0)) tenants/min" },
            rollout.secondsLeft(at: now).map { "about \(span($0)) left" },
            "running for \(span(rollout.duration(at: now)))",
            skipped > 0 ? "\(counted(skipped, "tenant")) skipped" : nil,
        ]
        return "  " + parts.compactMap { $0 }.joined(separator: ", ")
    }

    private static func cut(_ text: String, _ columns: Int) -> String {
        let line = oneLine(text)
        return line.count < columns ? line : line.prefix(max(1, columns - 2)) + "…"
    }
}

extension Rollout {
    /// `Rollout 3f2a91c0: v2 (sha256:...) to 3 tenants`
    var title: [String] {
        let parts = [
            service == "tenant" ? nil : "service \(service)", channel.map { "channel \($0)" },
        ].compactMap { $0 }
        let more = parts.isEmpty ? "" : ", " + parts.joined(separator: ", ")
        return ["Rollout \(shortID): \(imageName) to \(counted(tenantCount, "tenant"))\(more)"]
    }
}

extension Rollout.Wave {
    fileprivate var done: Int { count([.updated, .failed, .rolledBack, .untouched]) }

    /// `3 updated (1 unhealthy), 2 pending`
    fileprivate var text: String {
        let verdicts = [
            unhealthy > 0 ? "\(unhealthy) unhealthy" : nil,
            inconclusive > 0 ? "\(inconclusive) not judged" : nil,
        ].compactMap { $0 }
        return outcomes.outcomeText + (verdicts.isEmpty ? "" : " (\(verdicts.joined(separator: ", ")))")
    }
}
