#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The part of a describe call's answer that one request gets.
/// Source: EC2 API reference: MaxResults is 5 to 1000, and cannot be used together with ids.
struct Page<Element> {
    static var largest: Int { 1000 }

    private(set) var elements: [Element]
    private(set) var nextToken: String?

    /// - Parameters:
    ///   - elements: all that match, in the order of their ordinals.
    ///   - ordinal: what a token remembers; it never changes and is never given twice.
    init(
        _ parameters: QueryParameters, ids: [String], _ elements: [Element], by ordinal: (Element) -> Int
    ) throws {
        let limit = try Self.size(parameters, ids: ids)
        let after = try Self.position(parameters["NextToken"])
        self.elements = elements.filter { ordinal($0) > after }
        guard let limit, self.elements.count > limit else { return }
        self.elements = Array(self.elements.prefix(limit))
        nextToken = Data("after \(ordinal(self.elements[limit - 1]))".utf8).base64EncodedString()
    }

    private static func size(_ parameters: QueryParameters, ids: [String]) throws -> Int? {
        guard ids.count <= largest else {
            throw AWSError("InvalidParameterValue", "At most \(largest) IDs can be described at once")
        }
        guard let limit = try parameters.integer("MaxResults") else { return nil }
        guard ids.isEmpty else {
            throw AWSError(
                "InvalidParameterCombination",
                "The parameter instancesSet cannot be used with the parameter maxResults")
        }
        guard (5...largest).contains(limit) else {
            throw AWSError.invalid(
                String(limit), for: "maxResults", "Expecting a value from 5 to \(largest).")
        }
        return limit
    }

    private static func position(_ token: String?) throws -> Int {
        guard let token else { return 0 }
        guard let data = Data(base64Encoded: token),
            let ordinal = Int(String(decoding: data, as: UTF8.self).dropFirst("after ".count))
        else { throw AWSError.invalid(token, for: "nextToken", "Unable to parse pagination token") }
        return ordinal
    }
}

extension XMLText {
    mutating func nextToken(_ token: String?) {
        if let token { element("nextToken", token) }
    }
}
