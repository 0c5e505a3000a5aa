import FoundationEssentials
import Logging
import Postgres
import ServiceLifecycle
import Synchronization

/// Memories in schema `memory_plugin` of the tenant's Postgres, found by the cosine of their embeddings
/// over an HNSW index. Source of the operators: pgvector's README.
final class MemoryStore: Service {
    private let pool: PostgresPool
    private let dimensions: Int
    private let logger: Logger
    private let isPrepared = Mutex(false)

    init(_ pool: PostgresPool, dimensions: Int, logger: Logger) {
        self.pool = pool
        self.dimensions = dimensions
        self.logger = logger
    }

    /// Makes the schema as soon as Postgres answers: the two may start in any order.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !self.isPrepared.withLock({ $0 }) {
                do {
                    try await self.prepare()
                } catch {
                    self.logger.warning("schema not made yet", metadata: ["error": "\(error)"])
                    try await Task.sleep(for: .milliseconds(500))
                }
            }
        }
        try? await gracefulShutdown()
    }

    /// Safe to repeat, and to run beside itself.
    func prepare() async throws {
        let dimensions = dimensions
        try await pool.transaction { transaction in
            _ = try await transaction.query("SELECT pg_advisory_xact_lock(7308895159512162914)")
            try await transaction.execute("CREATE SCHEMA IF NOT EXISTS memory_plugin")
            try await transaction.execute("CREATE EXTENSION IF NOT EXISTS vector")
            // A type's length takes no parameter: it travels as a setting.
            _ = try await transaction.query(
                "SELECT set_config('memory_plugin.dimensions', \(String(dimensions)), true)")
            try await transaction.execute(
                """
                DO $$ BEGIN EXECUTE format(
                    'CREATE TABLE IF NOT EXISTS memory_plugin.memories (
                        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                        content text NOT NULL,
                        embedding vector(%s) NOT NULL,
                        metadata jsonb NOT NULL,
                        created_at timestamptz NOT NULL DEFAULT now())',
                    current_setting('memory_plugin.dimensions')::integer); END $$
                """)
            try await transaction.execute(
                """
                CREATE INDEX IF NOT EXISTS memories_embedding ON memory_plugin.memories
                    USING hnsw (embedding vector_cosine_ops)
                """)
            try await Self.check(dimensions, transaction)
        }
        isPrepared.withLock { $0 = true }
    }

    /// Whether the table is there and Postgres answers.
    func isHealthy() async -> Bool {
        guard isPrepared.withLock({ $0 }) else { return false }
        return (try? await pool.query("SELECT FROM memory_plugin.memories LIMIT 1")) != nil
    }

    func insert(_ memory: NewMemory) async throws -> String {
        let rows = try await pool.query(
            """
            INSERT INTO memory_plugin.memories (content, embedding, metadata)
            VALUES (\(memory.content), \(vectorText(memory.embedding))::vector,
                \(JSON(memory.metadata ?? [:])))
            RETURNING id
            """)
        return try rows[0]["id", as: UUID.self].uuidString.lowercased()
    }

    /// The nearest first.
    func search(_ search: MemorySearch) async throws -> [FoundMemory] {
        let limit = search.limit ?? MemorySearch.defaultLimit
        let vector = vectorText(search.embedding)
        let rows = try await pool.transaction { transaction in
            // The index looks at no more candidates than this, 40 by itself: never fewer than are wanted.
            _ = try await transaction.query(
                "SELECT set_config('hnsw.ef_search', \(String(max(40, 2 * limit))), true)")
            return try await transaction.query(
                """
                SELECT id, content, metadata, created_at, 1 - (embedding <=> \(vector)::vector) AS score
                FROM memory_plugin.memories ORDER BY embedding <=> \(vector)::vector LIMIT \(limit)
                """)
        }
        return try rows.compactMap { row in
            // One that was kept before embeddings had a longest and a shortest may have no cosine.
            guard try row["score", as: Double.self].isFinite else { return nil }
            let metadata: JSON<[String: JSONValue]> = try row["metadata"]
            return FoundMemory(
                id: try row["id", as: UUID.self].uuidString.lowercased(), content: try row["content"],
                metadata: metadata.value,
                createdAt: try row["created_at"], score: try row["score"])
        }
    }

    /// A table made for another length would refuse every memory: better to say so at once.
    private static func check(_ dimensions: Int, _ transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            SELECT atttypmod AS dimensions FROM pg_attribute
            WHERE attrelid = 'memory_plugin.memories'::regclass AND attname = 'embedding'
            """)
        let present = try rows.first?["dimensions", as: Int.self] ?? 0
        guard present == dimensions else { throw WrongDimensions(present: present, wanted: dimensions) }
    }
}

struct WrongDimensions: Error, CustomStringConvertible {
    var present: Int
    var wanted: Int

    var description: String { "the table holds embeddings of \(present) numbers, not of \(wanted)" }
}

/// pgvector's text form.
private func vectorText(_ embedding: [Float]) -> String {
    "[" + embedding.map(\.description).joined(separator: ",") + "]"
}
