/// A statement as it was prepared. A type of 0 is left to the server.
struct Statement: Hashable, Codable, Sendable {
    var text: String
    var types: [Int]
}

/// What a statement writes, by its first words and by the names that were bound, as
/// `INSERT INTO workflow_steps 'done' create_tunnel step`; nil for one that only reads.
func writeLabel(_ text: String, parameters: [String?]) -> String? {
    let write = /(?:INSERT INTO|DELETE FROM) \w+|UPDATE \w+ SET \w+ = \S+/
    guard let found = text.firstMatch(of: write) else { return nil }
    var words = [String(found.output).replacing(",", with: "")]
    // Steps that begin and steps that are done go to one table.
    if found.output.hasPrefix("INSERT"), let literal = text[found.range.upperBound...].firstMatch(of: /'\w+'/)
    {
        words.append(String(literal.output))
    }
    words += parameters.compactMap { $0 }.filter { $0.wholeMatch(of: /[a-z][a-z_]{2,40}/) != nil }
    return words.joined(separator: " ")
}
