import FoundationEssentials

/// A memory as a client hands it in, `POST /memories`.
struct NewMemory: Decodable, Sendable {
    var content: String
    var embedding: [Float]
    var metadata: [String: JSONValue]?

    static let maximumContentBytes = 64 << 10
    static let maximumMetadataBytes = 16 << 10

    func validated(dimensions: Int) throws -> NewMemory {
        guard !content.isEmpty, content.utf8.count <= Self.maximumContentBytes else {
            throw Problem.invalid("content is empty or longer than \(Self.maximumContentBytes) bytes")
        }
        guard !content.utf8.contains(0) else { throw Problem.invalid("content holds a NUL") }
        try validate(embedding, dimensions: dimensions)
        if let metadata, try JSONEncoder().encode(metadata).count > Self.maximumMetadataBytes {
            throw Problem.invalid("metadata is longer than \(Self.maximumMetadataBytes) bytes")
        }
        return self
    }
}

/// `POST /memories/search`
struct MemorySearch: Decodable, Sendable {
    var embedding: [Float]
    /// Of results; absent: 10.
    var limit: Int?

    static let limits = 1...100
    static let defaultLimit = 10

    func validated(dimensions: Int) throws -> MemorySearch {
        guard Self.limits.contains(limit ?? Self.defaultLimit) else {
            throw Problem.invalid("limit is not a number from 1 to \(Self.limits.upperBound)")
        }
        try validate(embedding, dimensions: dimensions)
        return self
    }
}

/// A memory that was found.
struct FoundMemory: Encodable, Sendable {
    /// A UUID in lower case.
    var id: String
    var content: String
    var metadata: [String: JSONValue]
    var createdAt: Date
    /// Cosine similarity, -1 to 1; 1 is the same direction.
    var score: Double

    enum CodingKeys: String, CodingKey {
        case id, content, metadata, score
        case createdAt = "created_at"
    }
}

/// Of the square of an embedding's length. pgvector sums it up in single precision: beyond these it would be
/// infinite or zero, and the cosine no number.
private let squaredLengths: ClosedRange<Double> = 1e-30...1e30

/// Of the zero vector there is no cosine.
private func validate(_ embedding: [Float], dimensions: Int) throws {
    guard embedding.count == dimensions else {
        throw Problem.invalid("embedding has \(embedding.count) numbers, \(dimensions) are wanted")
    }
    guard embedding.allSatisfy(\.isFinite), embedding.contains(where: { $0 != 0 }) else {
        throw Problem.invalid("embedding is zero or not finite")
    }
    guard squaredLengths.contains(embedding.reduce(0) { $0 + Double($1) * Double($1) }) else {
        throw Problem.invalid("embedding is shorter than 1e-15 or longer than 1e15")
    }
}
