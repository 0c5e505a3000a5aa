import Foundation

/// A rollout as it goes on. On a terminal it is one table, drawn again in its place; in a pipe each event is
/// one line.
actor RolloutScreen {
    private let isTerminal: Bool
    /// Writes nothing: the JSON is written elsewhere.
    private let isQuiet: Bool
    private var rollout: Rollout?
    private var progress = RolloutProgress()
    private var news: [String] = []
    private var trouble: String?
    private var drawnLines = 0

    /// How often the countdowns move.
    static let interval: Duration = .milliseconds(250)

    init(isTerminal: Bool, isQuiet: Bool) {
        self.isTerminal = isTerminal && !isQuiet
        self.isQuiet = isQuiet
    }

    func begin(_ rollout: Rollout) {
        show(rollout)
        if !isTerminal, !isQuiet { rollout.title.forEach(say) }
    }

    func show(_ rollout: Rollout) {
        self.rollout = rollout
        progress.see(rollout, at: Date())
        if isTerminal { draw() }
    }

    func tell(_ event: RolloutEvent) {
        guard let rollout else { return }
        let line = event.line(rollout)
        if isTerminal {
            news = (news + [line]).suffix(RolloutBoard.shownNews)
            draw()
        } else if !isQuiet {
            say(line)
        }
    }

    /// - Parameter why: nil: the connection is there again.
    func connection(brokenBecause why: String?) {
        guard (why == nil) != (trouble == nil) else { return }
        trouble = why.map { "The connection broke; reconnecting. \($0)" }
        if isTerminal { return draw() }
        // Not standard output, where a line is an event.
        let line = trouble ?? "The connection is back."
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// Runs until its task is cancelled.
    func tick() async {
        guard isTerminal else { return }
        while (try? await Task.sleep(for: Self.interval)) != nil { draw() }
    }

    private func draw() {
        guard let rollout else { return }
        let board = RolloutBoard(
            rollout: rollout, now: Date(), perMinute: progress.perMinute, news: news, trouble: trouble)
        let size = Terminal.size
        let lines = board.lines(columns: size.columns, rows: size.rows)
        Terminal.redraw(lines, over: drawnLines)
        drawnLines = lines.count
    }
}
