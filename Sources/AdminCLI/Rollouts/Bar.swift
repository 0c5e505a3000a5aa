/// A bar of characters, each kind of tenant as long as its share.
struct Bar: Equatable {
    struct Part: Equatable {
        var mark: Character
        var count: Int
    }

    var parts: [Part]

    /// As many characters as `width`. What is there at all has one, however small its share.
    func text(width: Int) -> String {
        let present = parts.filter { $0.count > 0 }
        let total = present.reduce(0) { $0 + $1.count }
        guard total > 0, width >= present.count else { return String(repeating: " ", count: max(0, width)) }
        var cells = present.map { max(1, $0.count * width / total) }
        /// How much too few a part has.
        func lack(_ index: Int) -> Int { present[index].count * width - cells[index] * total }
        while cells.reduce(0, +) < width {
            cells[cells.indices.max { lack($0) < lack($1) } ?? 0] += 1
        }
        while cells.reduce(0, +) > width {
            let larger = cells.indices.filter { cells[$0] > 1 }
            cells[larger.min { lack($0) < lack($1) } ?? 0] -= 1
        }
        return zip(present, cells).map { String(repeating: $0.mark, count: $1) }.joined()
    }
}

extension Rollout.Wave {
    var bar: Bar {
        let sick = unhealthy
        return Bar(parts: [
            .init(mark: "█", count: count([.updated]) - sick),
            .init(mark: "✗", count: count([.failed]) + sick),
            .init(mark: "<", count: count([.rolledBack])),
            .init(mark: "▒", count: count([.updating, .reverting])),
            .init(mark: "·", count: count([.pending, .untouched])),
        ])
    }
}
