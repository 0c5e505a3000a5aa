/// Which statements a session has prepared, and under which names. Bounded; the oldest goes first.
struct StatementCache {
    struct Key: Hashable {
        let text: String
        let types: [UInt32]
    }

    private let limit: Int
    private var names: [Key: String] = [:]
    private var order: [Key] = []
    private var counter = 0

    init(limit: Int) {
        precondition(limit > 0, "a session needs room for one prepared statement")
        self.limit = limit
    }

    func name(of key: Key) -> String? { names[key] }

    /// A name for one more statement, and the name that must be deallocated to make room for it.
    mutating func nextName() -> (name: String, evicted: String?) {
        counter += 1
        let evicted = order.count >= limit ? names.removeValue(forKey: order.removeFirst()) : nil
        return ("s\(counter)", evicted)
    }

    mutating func insert(_ key: Key, name: String) {
        names[key] = name
        order.append(key)
    }

    mutating func removeAll() {
        names.removeAll()
        order.removeAll()
    }
}
