#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The answer of `GET /cp/tenants/config`: a flat JSON object of strings, named like variables.
package enum TenantSettings {
    package static let maximumBytes = 64 << 10
    package static let maximumValueBytes = 4 << 10
    package static let maximumNameBytes = 128

    /// What changes all the time: known by asking, and no variable of a container, whose every change would
    /// replace it.
    package static let livingNames: Set<String> = ["MOLECULE_LLM_CREDITS_REMAINING"]

    package enum Invalid: Error, Sendable, Equatable {
        case tooLong
        case notFlatStrings
        /// A name that no variable can have.
        case name
        /// Longer than the limit, or with a NUL.
        case value(name: String)
    }

    package static func parse(_ json: [UInt8]) throws(Invalid) -> [String: String] {
        guard json.count <= maximumBytes else { throw .tooLong }
        guard let values = try? JSONDecoder().decode([String: String].self, from: Data(json)) else {
            throw .notFlatStrings
        }
        for (name, value) in values {
            guard isVariableName(name) else { throw .name }
            guard value.utf8.count <= maximumValueBytes, !value.utf8.contains(0) else {
                throw .value(name: name)
            }
        }
        return values
    }

    private static func isVariableName(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= maximumNameBytes else { return false }
        let isDigit: (UInt8) -> Bool = { (0x30...0x39).contains($0) }
        return !isDigit(first)
            && name.utf8.allSatisfy {
                (0x41...0x5A).contains($0 & 0xDF) || isDigit($0) || $0 == UInt8(ascii: "_")
            }
    }
}
