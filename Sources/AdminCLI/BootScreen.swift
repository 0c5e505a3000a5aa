import Foundation

/// The stages as they happen. On a terminal the running stage's time counts up in its place; in a pipe each
/// news is one line.
actor BootScreen {
    private let isTerminal: Bool
    /// Keeps what was heard, and writes nothing: the JSON is written elsewhere.
    private let isQuiet: Bool
    private var stages: [BootStatus.Stage] = []
    /// When a running stage was first heard of.
    private var heard: [String: ContinuousClock.Instant] = [:]
    private var drawnLines = 0

    init(isTerminal: Bool, isQuiet: Bool) {
        self.isTerminal = isTerminal && !isQuiet
        self.isQuiet = isQuiet
    }

    /// - Returns: false when it was known: a stream that begins again tells everything once more.
    func show(_ stage: BootStatus.Stage) -> Bool {
        if let index = stages.firstIndex(where: { $0.stage == stage.stage }) {
            guard stages[index] != stage else { return false }
            stages[index] = stage
        } else {
            stages.append(stage)
            heard[stage.stage] = .now
        }
        if isTerminal {
            draw()
        } else if !isQuiet {
            say(stage.cells.filter { !$0.isEmpty }.joined(separator: "  "))
        }
        return true
    }

    /// Runs until its task is cancelled.
    func tick() async {
        guard isTerminal else { return }
        while (try? await Task.sleep(for: .milliseconds(100))) != nil { draw() }
    }

    func end() {
        if isTerminal { draw() }
    }

    private func draw() {
        let rows = stages.map { stage in
            var cells = stage.cells
            if stage.outcome == "started", let since = heard[stage.stage] {
                cells[1] = seconds(ContinuousClock.now - since)
            }
            return cells
        }
        let up = drawnLines > 0 ? "\u{1B}[\(drawnLines)A" : ""
        let text = table(rows).map { "\u{1B}[2K\($0)\n" }.joined()
        FileHandle.standardOutput.write(Data((up + text).utf8))
        drawnLines = rows.count
    }
}
