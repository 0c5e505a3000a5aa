import TenantProtocol

/// The label `molecule.schema=MIN-MAX`: the image reads data of the schema versions MIN to MAX, and brings
/// the data to MAX when it starts.
struct SchemaRange: Equatable, Sendable {
    let versions: ClosedRange<Int>

    static let label = "molecule.schema"
    static let maximumVersion = 1_000_000

    init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let lowest = parts[0], let highest = parts[1], lowest >= 0, lowest <= highest,
            highest <= Self.maximumVersion
        else { return nil }
        versions = lowest...highest
    }

    func reads(_ version: Int) -> Bool { versions.contains(version) }

    /// The version that the data has once the image has started.
    var writes: Int { versions.upperBound }
}

extension SchemaRange {
    /// nil for an image without the label: it reads everything.
    /// - Throws: `schemaMismatch` for a label that says nothing
    static func of(_ labels: [String: String], _ image: String) throws -> SchemaRange? {
        guard let text = labels[label] else { return nil }
        guard let range = SchemaRange(text) else {
            throw StageFailure(.schemaMismatch, "\(image): the label \(label) is not MIN-MAX")
        }
        return range
    }

    /// - Parameter version: of the service's data; nil when nothing is known of it
    func check(_ version: Int?, _ image: String) throws {
        guard let version, !reads(version) else { return }
        throw StageFailure(
            .schemaMismatch,
            "the data has schema \(version); \(image) reads \(versions.lowerBound) to \(versions.upperBound)")
    }
}
