import FoundationEssentials

extension UUID {
    /// Lower case, as every id crosses the wire.
    package var text: String { uuidString.lowercased() }
}
