/// Comma-separated values. Source: RFC 4180.
package struct CSV: Sendable {
    package private(set) var text = ""

    package init(header: [String]) { add(header) }

    package mutating func add(_ fields: [String]) {
        text += fields.map(Self.field).joined(separator: ",") + "\r\n"
    }

    /// What a spreadsheet would take for a formula gets an apostrophe in front, which it takes for text.
    /// Source: OWASP, "CSV Injection".
    private static let formulaStarts: Set<Unicode.Scalar> = ["=", "+", "-", "@", "\t", "\r", "\n"]
    private static let quoted: Set<Unicode.Scalar> = [",", "\"", "\r", "\n"]

    package static func field(_ text: String) -> String {
        var field = text
        if let first = text.unicodeScalars.first, formulaStarts.contains(first), Int(text) == nil {
            field = "'" + field
        }
        guard field.unicodeScalars.contains(where: quoted.contains) else { return field }
        return "\"" + field.replacing("\"", with: "\"\"") + "\""
    }
}

extension UsageReport {
    package var csv: String {
        let keys =
            switch grouping {
            case .day: ["day"]
            case .model: ["provider", "model"]
            case .workspace: ["workspace_id"]
            }
        var csv = CSV(
            header: keys + [
                "events", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens",
                "millicredits",
            ])
        for row in rows {
            let names = [row.day, row.provider, row.model, row.workspaceID].compactMap { $0 }
            let sums = row.sums
            let numbers = [
                sums.events, sums.inputTokens, sums.outputTokens, sums.cachedTokens, sums.reasoningTokens,
                sums.millicredits,
            ]
            csv.add(names + numbers.map(String.init))
        }
        return csv.text
    }
}
