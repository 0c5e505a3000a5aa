/// MaxConcurrency or MaxErrors of a command: a number, or a percentage of its targets.
/// Source: Systems Manager API reference, SendCommand.
struct RateControl: Sendable {
    static let maximumLength = 7

    let text: String
    private let number: Int
    private let isPercentage: Bool

    /// - Parameter minimum: 1 for MaxConcurrency, 0 for MaxErrors.
    init(_ input: JSONValue, _ name: String, standard: String, minimum: Int) throws {
        text = input[name]?.string ?? standard
        isPercentage = text.hasSuffix("%")
        let digits = isPercentage ? String(text.dropLast()) : text
        guard let number = Int(digits), String(number) == digits, number >= minimum,
            text.count <= Self.maximumLength, !isPercentage || number <= 100
        else {
            throw AWSError(
                "ValidationException", "\(name) is a number or a percentage, at least \(minimum)")
        }
        self.number = number
    }

    /// Of so many targets, rounded down.
    func count(of targets: Int) -> Int { isPercentage ? targets * number / 100 : number }
}
