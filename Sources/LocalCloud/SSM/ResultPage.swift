#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The part of a list that one request of a JSON service gets: MaxResults of it, after NextToken.
struct ResultPage<Element> {
    private(set) var elements: [Element]
    private(set) var nextToken: String?

    /// - Parameters:
    ///   - elements: all that match, in the order of their ordinals.
    ///   - sizes: of MaxResults.
    ///   - standard: the size without MaxResults.
    ///   - ordinal: what a token remembers, above 0; it never changes and is never given twice.
    init(
        _ input: JSONValue, _ elements: [Element], sizes: ClosedRange<Int>, standard: Int,
        by ordinal: (Element) -> Int
    ) throws {
        let size = input["MaxResults"]?.integer ?? standard
        guard sizes.contains(size) else {
            throw AWSError(
                "ValidationException", "MaxResults is \(sizes.lowerBound) to \(sizes.upperBound)")
        }
        let after = try Self.position(input["NextToken"]?.string)
        self.elements = elements.filter { ordinal($0) > after }
        guard self.elements.count > size else { return }
        self.elements = Array(self.elements.prefix(size))
        nextToken = Data("after \(ordinal(self.elements[size - 1]))".utf8).base64EncodedString()
    }

    private static func position(_ token: String?) throws -> Int {
        guard let token, !token.isEmpty else { return 0 }
        guard let data = Data(base64Encoded: token),
            let ordinal = Int(String(decoding: data, as: UTF8.self).dropFirst("after ".count))
        else { throw AWSError("InvalidNextToken", "The specified token isn't valid.") }
        return ordinal
    }

    func answer(_ name: String, _ describe: (Element) -> JSONValue) -> JSONValue {
        var members: [String: JSONValue] = [name: .array(elements.map(describe))]
        if let nextToken { members["NextToken"] = .string(nextToken) }
        return .object(members)
    }
}
