import FoundationEssentials
import Hummingbird
import Logging
import NIOCore
import Postgres

/// Of a request's body.
let maximumBodyBytes = 1 << 20

/// The routes, the store and its pool: one service.
func makeApplication(_ configuration: Configuration, logger: Logger) -> some ApplicationProtocol {
    let pool = PostgresPool(
        PostgresConfiguration(
            url: configuration.databaseURL, maximumConnections: 4, statementTimeout: .seconds(10),
            applicationName: "memory-plugin"), logger: logger)
    let store = MemoryStore(pool, dimensions: configuration.dimensions, logger: logger)
    return Application(
        router: makeRouter(store, dimensions: configuration.dimensions),
        configuration: .init(address: .hostname(configuration.host, port: configuration.port)),
        services: [pool, store], logger: logger)
}

private func makeRouter(_ store: MemoryStore, dimensions: Int) -> Router<BasicRequestContext> {
    let router = Router()
    router.add(middleware: ProblemMiddleware())
    router.get("/health") { _, _ in
        let isHealthy = await store.isHealthy()
        return jsonResponse(
            ["service": "memory-plugin", "status": isHealthy ? "ok" : "unavailable"],
            status: isHealthy ? .ok : .serviceUnavailable)
    }
    router.post("/memories") { request, _ in
        let memory = try await decoded(NewMemory.self, request).validated(dimensions: dimensions)
        return jsonResponse(["id": try await store.insert(memory)], status: .created)
    }
    router.post("/memories/search") { request, _ in
        let search = try await decoded(MemorySearch.self, request).validated(dimensions: dimensions)
        return jsonResponse(["memories": try await store.search(search)])
    }
    return router
}

private func decoded<Value: Decodable>(_ type: Value.Type, _ request: Request) async throws -> Value {
    let body = try await request.body.collect(upTo: maximumBodyBytes)
    return try JSONDecoder().decode(type, from: Data(body.readableBytesView))
}
