/// Prints what was tried, for whoever reads the log: every point of every story, and what was done there.
func printTable(_ title: String, _ results: [(Attempt, Outcome)], of all: Int) {
    let tried = results.filter { $0.1 != .unreached }.map(\.0)
    let broken = results.filter { if case .broken = $0.1 { true } else { false } }
    print(
        """
        \(title): \(tried.count) tried of \(all), \(tried.count - broken.count) held, \
        \(broken.count) broken, \(results.count - tried.count) not reached, seed \(Matrix.seed)
        """)
    for (story, attempts) in Dictionary(grouping: tried, by: \.story).sorted(by: { $0.key < $1.key }) {
        let kinds = Dictionary(grouping: attempts, by: \.point.kind).map {
            "\($0.value.count) at a \($0.key)"
        }
        print("  \(story): \(kinds.sorted().joined(separator: ", "))")
        for (name, here) in Dictionary(grouping: attempts, by: \.point.name).sorted(by: { $0.key < $1.key }) {
            let done = Dictionary(grouping: here, by: \.interference.name).map {
                "\($0.value.count) \($0.key)"
            }
            print("    \(name): \(done.sorted().joined(separator: ", "))")
        }
    }
    for (attempt, _) in results.filter({ $0.1 == .unreached }) { print("  not reached: \(attempt)") }
}

extension Interference {
    fileprivate var name: String {
        switch self {
        case .crash(let side): side.rawValue
        case .fault(let fault): fault.rawValue
        }
    }
}
